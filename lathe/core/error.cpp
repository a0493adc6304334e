#include "lathe/core/error.h"

namespace lathe {

int exit_code(const std::exception& error) {
  if (dynamic_cast<const Interrupted*>(&error)) return 130;
  if (dynamic_cast<const InputError*>(&error)) return 2;
  if (dynamic_cast<const GateError*>(&error)) return 3;
  return 1;
}

}  // namespace lathe
