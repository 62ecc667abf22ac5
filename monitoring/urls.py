"""Addresses of monitoring. Included under /health/."""

from django.urls import path

from monitoring import views

app_name = "monitoring"
urlpatterns = [
    path("live", views.live, name="live"),
    path("ready", views.ready, name="ready"),
    path("sync", views.sync, name="sync"),
]
