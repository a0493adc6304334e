#pragma once
#include <vector>

#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// Bundles beside each other: how each was trained, what that took and what it reached on held-out and test
// examples; held-out accuracy against training time. Which one to take is for the held-out column to say.
Section comparison(const std::vector<Bundle>& bundles);

}  // namespace lathe::pipeline
