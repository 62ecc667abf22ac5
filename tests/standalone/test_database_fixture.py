"""The tests' own database: a real PostgreSQL, and nothing beyond this machine."""

import socket

import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_database_of_the_tests_is_postgresql_and_not_the_one_of_the_demo() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_setting('server_version_num')::int >= 150000")
        assert cursor.fetchone() == ("test_batchly", True)


def test_a_test_that_leaves_this_machine_fails() -> None:
    with pytest.raises(RuntimeError, match="tried to leave this machine"):
        socket.create_connection(("192.0.2.1", 443), timeout=1)
