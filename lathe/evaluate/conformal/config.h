#pragma once
#include "lathe/core/config.h"
#include "lathe/evaluate/conformal/conformal.h"

namespace lathe::evaluate::conformal {

// Reads a table of Options: alpha, method, tune, randomized, condition, allow_empty, k_reg, lambda;
// what it leaves out is as in `defaults`.
Options conformal_options(const core::Config& table, const Options& defaults = {});

}  // namespace lathe::evaluate::conformal
