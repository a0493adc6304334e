#pragma once
#include <string>

#include "lathe/evaluate/checklist/report.h"

namespace lathe::evaluate::checklist {

// One page that needs nothing else: the matrix capability × test type with the range of failure rates, each
// test with its bar and interval, and every example with what changed, what the model said, search and tags.
// Keys: arrows, /, Enter, Esc. The cases lie in the page as JSON and are drawn when asked for; 90,000
// examples take about 6 MB.
std::string html_report(const Results& results);

}  // namespace lathe::evaluate::checklist
