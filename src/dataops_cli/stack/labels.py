"""The labels by which Docker Compose and we know a container, network or volume.

Source: docker/compose, `pkg/api/labels.go`.
"""

from __future__ import annotations

PREFIX = "com.docker.compose."
PROJECT = PREFIX + "project"
SERVICE = PREFIX + "service"
NUMBER = PREFIX + "container-number"
ONE_OFF = PREFIX + "oneoff"
CONFIG_HASH = PREFIX + "config-hash"
CONFIG_FILES = PREFIX + "project.config_files"
WORKING_DIR = PREFIX + "project.working_dir"
DEPENDS_ON = PREFIX + "depends_on"
IMAGE = PREFIX + "image"
VERSION = PREFIX + "version"
NETWORK = PREFIX + "network"
VOLUME = PREFIX + "volume"

# Ours, on a network: the hash of what the files say about it.
NETWORK_CONFIG = "dataops.config"
# Ours, on an image: the hash of what it was built from.
INPUTS = "dataops.inputs"
# Ours, on an image that runs the CLI, and so on its containers: the hash of the CLI's files.
CLI = "dataops.cli"
# Ours, on the same: the number of the way in which a CLI outside talks to the one inside (`dataops step`, …). It grows
# where an older one would not understand.
PROTOCOL = "dataops.protocol"
# Ours, on a container: what its secrets were, in a form that does not give them away.
SECRETS = "dataops.secrets"
