"""Calibration: whether draws and fits of generated code have the distribution that the model says.

from cavi.verify.calibration import geweke, simulation_based_calibration

print(simulation_based_calibration(derived))
print(geweke(derived))
"""

from cavi.verify.calibration.joint import geweke
from cavi.verify.calibration.sbc import simulation_based_calibration
from cavi.verify.calibration.table import CalibrationReport, Table

__all__ = [
    "CalibrationReport",
    "Table",
    "geweke",
    "simulation_based_calibration",
]
