"""A scripted model server that speaks the OpenAI API; README.md says what it answers and how to steer it."""

from tests.support.scripted_model.child import ScriptedModel
from tests.support.scripted_model.child import start_scripted_model
from tests.support.scripted_model.script import Behaviour
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.script import Planned
from tests.support.scripted_model.script import Quality
from tests.support.scripted_model.script import Script

__all__ = ["Behaviour", "Fault", "Planned", "Quality", "Script", "ScriptedModel", "start_scripted_model"]
