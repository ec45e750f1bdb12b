"""The scripted AWS, for tests of what speaks to it."""

from tests.aws.scripted_fixtures import aws, hook, one_hook, readers, server  # noqa: F401 - fixtures
