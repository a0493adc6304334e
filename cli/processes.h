#pragma once
#include <memory>

#include "lathe/optim/step.h"

namespace lathe::cli {

// The processes that `mpirun -n N lathe …` started; null where there is but one. Throws InputError in a
// program that was built without MPI.
std::shared_ptr<optim::Communicator> process_communicator();

}  // namespace lathe::cli
