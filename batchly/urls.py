"""The site's addresses: the console, QuickBooks' callbacks, the health probes."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("quickbooks/", include("qbsync.urls")),
    path("health/", include("monitoring.urls")),
]
