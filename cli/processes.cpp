#include "cli/processes.h"

#include <cstdlib>
#include <string>

#include "lathe/core/error.h"
#ifdef LATHE_MPI
#include "lathe/distributed/mpi.h"
#endif

namespace lathe::cli {

std::shared_ptr<optim::Communicator> process_communicator() {
  // Set by OpenMPI, and by the launchers of MPICH and Slurm.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* size = std::getenv(name);
    if (!size || std::atoi(size) < 2) continue;
#ifdef LATHE_MPI
    return std::make_shared<distributed::MpiCommunicator>();
#else
    throw InputError("{} = {}, but this lathe was built without MPI (Debian: libopenmpi-dev)", name, size);
#endif
  }
  return nullptr;
}

}  // namespace lathe::cli
