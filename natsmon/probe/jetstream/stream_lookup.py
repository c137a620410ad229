"""Looks up the properties of the stream, and waits for one that does not exist yet."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from natsmon.probe.messages.message import AckedMessage
from natsmon.protocol.jetstream_api import Config, NoStream, StreamInfo, look_up
from natsmon.protocol.request_reply import Forbidden
from natsmon.protocol.server_connection import ServerConnection, Unanswered
from natsmon.text.plain_text import clip

_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
"""Seconds until the stream is looked up again; doubled each time."""
_SUBJECTS_SHOWN = 200
_NO_SUBJECTS = "has no subjects: it copies other streams (mirror or sources), and takes messages from them only"


@dataclass(eq=False)
class StreamLookup:
    """Asks for one stream; ``report`` takes the text of an error."""

    name: str
    message: AckedMessage
    """Is given the stream's only subject, where the settings have none."""
    report: Callable[[str], None]

    async def wait(self, connection: ServerConnection) -> StreamInfo:
        """Return the stream's properties once it exists; the usual ones where only its subject is known."""
        pause = _PAUSE
        while True:
            try:
                stream = await look_up(connection, self.name, self.message.subject)
            except NoStream as error:
                self.report(str(error))
            except Forbidden as error:
                why = f"stream {self.name} cannot be looked up: {error}"
                if self.message.subject:
                    self.report(f"{why}; its usual limits are assumed")
                    return StreamInfo(config=Config(subjects=[">"]))
                self.report(f"{why}; name its subject with --subject; messages wait for it")
            except Unanswered as error:
                self.report(f"stream {self.name} is not available for now ({error}); messages wait for it")
            else:
                if self.message.subject or self._take_subject(stream):
                    self._check_subject(stream)
                    if stream.config.no_ack:
                        self.report(f"stream {self.name} acknowledges no message (no_ack): delivery is not known")
                    return stream
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def again(self, connection: ServerConnection, before: StreamInfo) -> StreamInfo:
        """Return the properties now: it may have been edited, deleted or created again."""
        try:
            return await look_up(connection, self.name, self.message.subject)
        except NoStream:
            return await self.wait(connection)
        except Unanswered:
            return before

    def _take_subject(self, stream: StreamInfo) -> bool:
        """Publish on the stream's only subject, where it has no wildcard."""
        subjects = stream.config.subjects
        if len(subjects) == 1 and not {"*", ">"} & set(subjects[0].split(".")):
            self.message.publish_on(subjects[0])
            return True
        listed = clip(", ".join(subjects), _SUBJECTS_SHOWN)
        what = f"has the subjects {listed}: choose one with --subject" if subjects else _NO_SUBJECTS
        self.report(f"stream {self.name} {what}; messages wait for it")
        return False

    def _check_subject(self, stream: StreamInfo) -> None:
        subject = self.message.subject
        if not stream.takes(subject):
            subjects = ", ".join(stream.config.subjects)
            other = f"but {subjects}: give one of them with --subject, unless the account maps it to one"
            what = f"does not have the subject {subject}, {other}" if subjects else _NO_SUBJECTS
            self.report(f"stream {self.name} {what}")
