#pragma once
#include <memory>

#include "lathe/optim/step.h"

namespace lathe::distributed {

// The processes that one `mpirun` started. all_reduce_sum sends one message for each type of number; tensors
// of a device travel through host memory.
class MpiCommunicator : public optim::Communicator {
 public:
  MpiCommunicator();   // starts MPI where nobody has; throws Error
  ~MpiCommunicator();  // and then ends it, but not while an exception is in flight: mpirun ends the others
                       // then
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void all_reduce_sum(at::TensorList tensors) override;  // float32, float64, int64; throws Error for others

 private:
  bool started_ = false;
  int rank_ = 0, size_ = 1;
};

}  // namespace lathe::distributed
