#pragma once
#include "lathe/evaluate/subjective/check.h"

// The parts of check() that look at annotations; each adds its lines to the report.
namespace lathe::evaluate::subjective {

void check_scale(const Specification& specification, const data::Annotations& annotations,
                 CheckReport& report);
void check_people(const Specification& specification, const data::Annotations& annotations,
                  CheckReport& report);
void check_samples(const Specification& specification, const data::Annotations& annotations,
                   CheckReport& report);
void check_overlap(const Specification& specification, const data::Annotations& annotations,
                   CheckReport& report);
void check_consistency(const Specification& specification, const data::Annotations& annotations,
                       const CheckOptions& options, CheckReport& report);
void check_detectable_gap(const Specification& specification, const data::Annotations& annotations,
                          CheckReport& report);

}  // namespace lathe::evaluate::subjective
