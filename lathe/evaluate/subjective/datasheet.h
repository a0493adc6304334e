#pragma once
#include <string>

#include "lathe/evaluate/subjective/check.h"

namespace lathe::evaluate::subjective {

// A datasheet of the annotations in Markdown (after Gebru et al. 2021, "Datasheets for datasets"): what the
// specification fixes, section by section, with the rationales, and what the checks found.
std::string datasheet(const Specification& specification, const CheckReport& report);

}  // namespace lathe::evaluate::subjective
