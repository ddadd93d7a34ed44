"""The contract as tests: subclass one of these in a plug-in's test module and give it the fixture it asks for.

    class TestMyDestination(DestinationContract):
        @pytest.fixture
        def harness(self) -> DestinationHarness: ...

Needs pytest, which the product itself does not.
"""

from engine.contract.testing.destination import DestinationContract, DestinationHarness
from engine.contract.testing.source import SourceContract
from engine.contract.testing.verification import VerificationContract

__all__ = ["DestinationContract", "DestinationHarness", "SourceContract", "VerificationContract"]
