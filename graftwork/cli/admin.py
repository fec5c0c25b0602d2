"""``graftwork admin``: where its commands are, each imported only when it is run."""

import logging

import click

from graftwork.cli.lazy import LazyGroup

GROUPS = {
    "keys": ("graftwork.cli.admin_keys:keys", "Make, list and revoke API keys."),
    "tenants": ("graftwork.cli.admin_keys:tenants", "Show and set the limits of tenants."),
    "topics": ("graftwork.cli.admin_topics:topics", "Make the topics of a platform, and keep them as they should be."),
    "backup": ("graftwork.cli.admin_backup:backup", "Back a platform up, and restore it."),
    "migrations": ("graftwork.cli.admin_migrations:migrations", "Show and raise the versions of the ledgers."),
    "dlq": ("graftwork.cli.admin_dlq:dlq", "List, show and replay events that a service could not admit."),
    "refused": ("graftwork.cli.admin_refused:refused", "List, show, retry and drop events that Kafka refused."),
    "blobs": ("graftwork.cli.admin_blobs:blobs", "Delete payloads of jobs that are gone."),
}


@click.group(cls=LazyGroup, places=GROUPS)
def admin() -> None:
    """Look after a platform.

    `keys` and `tenants` ask the server, with an admin key. The others work on Kafka, MongoDB and the blob store
    themselves, with the settings of the services in the environment.
    """
    # What a client of Kafka fails at is raised and told once; without a handler its log is printed as well.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
