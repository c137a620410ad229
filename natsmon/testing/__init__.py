"""For the tests of other programs: a scripted NATS server in memory, and a network with faults for a real one."""

from natsmon.testing.memory_pipe import memory_pipe as memory_pipe
from natsmon.testing.relay_dialer import RelayDialer as RelayDialer
from natsmon.testing.scripted_server import ScriptedServer as ScriptedServer
from natsmon.testing.session import Published as Published
from natsmon.testing.session import Script as Script
from natsmon.testing.session import Session as Session
from natsmon.testing.session import close as close
from natsmon.testing.session import greet as greet
from natsmon.testing.session import refuse as refuse
from natsmon.testing.session import reject as reject
from natsmon.testing.session import serve as serve
from natsmon.testing.session import silent as silent
