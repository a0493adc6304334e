#include "cli/verb.h"

namespace lathe::cli {
void add_doctor(CLI::App&, Options&) {}
}  // namespace lathe::cli
