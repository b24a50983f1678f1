"""Calibration: whether draws and fits of generated code have the distribution that the model says.

from cavi.verify.calibration import against_exact, calibration_of_mean_field, geweke, simulation_based_calibration

print(simulation_based_calibration(derived))     # draws of the Gibbs sampler, by ranks
print(geweke(derived))                           # the same, by the joint distribution
print(against_exact(derived))                    # the fit beside the posterior
print(calibration_of_mean_field(derived))        # the ranks under q: a description
"""

from cavi.verify.calibration.exact import against_exact
from cavi.verify.calibration.joint import geweke
from cavi.verify.calibration.mean_field import calibration_of_mean_field
from cavi.verify.calibration.sbc import simulation_based_calibration
from cavi.verify.calibration.table import CalibrationReport, Table

__all__ = [
    "CalibrationReport",
    "Table",
    "against_exact",
    "calibration_of_mean_field",
    "geweke",
    "simulation_based_calibration",
]
