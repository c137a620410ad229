"""Checkpoint: the Tracks at one place of a recording, compressed, to continue from."""

import pickle
import zlib

from natsmon.state import Tracks
from natsmon.wording.narration import narrate


def new_tracks() -> Tracks:
    """The Tracks at the beginning of a recording."""
    return Tracks(narrate)


def dump(tracks: Tracks) -> bytes:
    """A checkpoint, for this process alone."""
    return zlib.compress(pickle.dumps(tracks, pickle.HIGHEST_PROTOCOL), 1)


def load(checkpoint: bytes) -> Tracks:
    """The Tracks of a checkpoint of this process, a copy of their own."""
    tracks = pickle.loads(zlib.decompress(checkpoint))  # noqa: S301 - made by this process
    assert isinstance(tracks, Tracks)
    return tracks
