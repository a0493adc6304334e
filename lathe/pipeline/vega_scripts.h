#pragma once
#include <string>

namespace lathe::pipeline {

// Vega 5 as one script that defines `vega` with `parse`, `View`, and nothing else; made of Debian's
// libjs-vega. Throws Error naming the package when it is not on this machine.
std::string vega_script();

}  // namespace lathe::pipeline
