#pragma once
#include <string>
#include <vector>

#include "lathe/optim/sharpness.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

struct NamedSharpness {
  std::string name;  // of the model, e.g. its bundle
  optim::SharpnessReport report;
};

// One row a number (measure, rho, m), one column a model; blank where a model has no such number.
core::Table sharpness_table(const std::vector<NamedSharpness>& models);

// The table, sharpness against ρ, the eigenvalues, a loss slice for each model, the bound.
Page sharpness_page(const std::vector<NamedSharpness>& models, const std::string& subtitle);

}  // namespace lathe::pipeline
