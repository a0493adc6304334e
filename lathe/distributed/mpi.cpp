#include "lathe/distributed/mpi.h"

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <torch/torch.h>

#include <exception>
#include <map>

#include "lathe/core/error.h"

namespace lathe::distributed {
namespace {

void check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error("MPI: {} failed: {}", what, std::string(text, static_cast<size_t>(length)));
}

MPI_Datatype type_of(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat32:
      return MPI_FLOAT;
    case torch::kFloat64:
      return MPI_DOUBLE;
    case torch::kInt64:
      return MPI_INT64_T;
    default:
      throw Error("MPI: tensors of {} cannot be added up over processes", c10::toString(type));
  }
}

// Tensors of one type as one message.
struct Message {
  std::vector<torch::Tensor> tensors;
  torch::Tensor flat;
  void pack() {
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& tensor : tensors) parts.push_back(tensor.detach().reshape({-1}).cpu());
    flat = torch::cat(parts);
  }
  void unpack() {
    int64_t begin = 0;
    for (torch::Tensor& tensor : tensors) {
      tensor.detach().copy_(flat.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
      begin += tensor.numel();
    }
  }
};

}  // namespace

MpiCommunicator::MpiCommunicator() {
  int running = 0;
  check(MPI_Initialized(&running), "MPI_Initialized");
  if (!running) {
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    started_ = true;
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
}

MpiCommunicator::~MpiCommunicator() {
  if (started_ && std::uncaught_exceptions() == 0) MPI_Finalize();
}

void MpiCommunicator::all_reduce_sum(at::TensorList tensors) {
  const torch::NoGradGuard no_grad;
  std::map<torch::ScalarType, Message> messages;
  for (const torch::Tensor& tensor : tensors) messages[tensor.scalar_type()].tensors.push_back(tensor);
  std::vector<MPI_Request> requests;
  for (auto& [type, message] : messages) {
    message.pack();
    if (message.flat.numel() > std::numeric_limits<int>::max())
      throw Error("MPI: {} numbers are too many for one message", message.flat.numel());
    check(MPI_Iallreduce(MPI_IN_PLACE, message.flat.data_ptr(), static_cast<int>(message.flat.numel()),
                         type_of(type), MPI_SUM, MPI_COMM_WORLD, &requests.emplace_back()),
          "MPI_Iallreduce");
  }
  check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  for (auto& [type, message] : messages) message.unpack();
}

}  // namespace lathe::distributed
