"""The flows of the sync: pull, push, resolve, sweep. No Celery and no web: tasks, commands and views call in here."""
