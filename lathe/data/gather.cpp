#include "lathe/data/gather.h"

#include <cstring>

#include "lathe/core/error.h"

namespace lathe::data {

torch::Tensor checked_indices(const torch::Tensor& indices, int64_t num_rows) {
  if (indices.dim() != 1 || indices.scalar_type() != torch::kInt64)
    throw Error("indices must be an int64 vector, got {} dimensions", indices.dim());
  torch::Tensor checked = indices.cpu().contiguous();
  const int64_t* begin = checked.data_ptr<int64_t>();
  for (const int64_t* index = begin; index != begin + checked.numel(); ++index)
    if (*index < 0 || *index >= num_rows) throw Error("index {} is outside of {} examples", *index, num_rows);
  return checked;
}

torch::Tensor gather_rows(const torch::Tensor& rows, const torch::Tensor& indices) {
  torch::Tensor from = rows.contiguous(), wanted = checked_indices(indices, rows.size(0));
  std::vector<int64_t> shape = rows.sizes().vec();
  shape[0] = wanted.numel();
  torch::Tensor result = torch::empty(shape, rows.options());
  if (result.numel() == 0) return result;

  size_t row_bytes = result.nbytes() / static_cast<size_t>(shape[0]);
  const int64_t* index = wanted.data_ptr<int64_t>();
  const char* source = static_cast<const char*>(from.data_ptr());
  char* target = static_cast<char*>(result.data_ptr());
  for (int64_t i = 0; i < shape[0]; ++i)
    std::memcpy(target + static_cast<size_t>(i) * row_bytes,
                source + static_cast<size_t>(index[i]) * row_bytes, row_bytes);
  return result;
}

}  // namespace lathe::data
