#include "lathe/data/tasks.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

// k rows of n, different ones as long as there are any left.
std::vector<int64_t> different_rows(int64_t n, int64_t k, core::Random& random) {
  std::vector<int64_t> rows;
  if (2 * k < n) {  // Floyd's sample, in random order
    std::unordered_set<int64_t> taken;
    for (int64_t last = n - k; last < n; ++last) {
      const int64_t row = random.below(last + 1);
      rows.push_back(taken.insert(row).second ? row : last);
      taken.insert(rows.back());
    }
    random.shuffle(rows);
    return rows;
  }
  while (static_cast<int64_t>(rows.size()) < k) {
    const std::vector<int64_t> all = random.permutation(n);
    const int64_t wanted = std::min(n, k - static_cast<int64_t>(rows.size()));
    rows.insert(rows.end(), all.begin(), all.begin() + wanted);
  }
  return rows;
}

}  // namespace

Tasks tasks_from_column(const Dataset& table, const std::string& column) {
  const auto& columns = table.schema.columns;
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == column; });
  if (found == columns.end())
    throw InputError("tasks = \"column:{}\": {}", column,
                     columns.empty() ? "images have no columns" : "there is no such column");
  if (!found->categorical())
    throw InputError("tasks = \"column:{}\": the column holds numbers; tasks need names", column);
  const torch::Tensor cells = table.inputs.select(1, found - columns.begin());
  const torch::Tensor missing = cells.isnan().logical_or(cells.lt(0)).nonzero().flatten();
  if (missing.numel() > 0)
    throw InputError("tasks = \"column:{}\": {} of {} examples have no value there, the first is row {}",
                     column, missing.numel(), cells.numel(), missing[0].item<int64_t>());
  return {found->values, cells.to(torch::kInt64)};
}

TaskSampler::TaskSampler(const Tasks& tasks, double temperature) {
  if (tasks.names.size() < 2) throw InputError("there must be two tasks or more, got {}", tasks.names.size());
  if (!(temperature >= 1)) throw InputError("the tasks' temperature must be at least 1, got {}", temperature);
  rows_.resize(tasks.names.size());
  const torch::Tensor of_example = tasks.of_example.to(torch::kInt64).contiguous();
  const int64_t* task = of_example.data_ptr<int64_t>();
  for (int64_t i = 0; i < of_example.numel(); ++i) {
    if (task[i] < 0 || task[i] >= static_cast<int64_t>(rows_.size()))
      throw InputError("example {} belongs to task {}, there are {}", i, task[i], rows_.size());
    rows_[static_cast<size_t>(task[i])].push_back(i);
  }
  double sum = 0;
  for (size_t t = 0; t < rows_.size(); ++t) {
    if (rows_[t].empty()) throw InputError("task \"{}\" has no training examples", tasks.names[t]);
    shares_.push_back(std::pow(static_cast<double>(rows_[t].size()), 1 / temperature));
    sum += shares_.back();
  }
  for (double& share : shares_) share /= sum;
}

TaskSampler::Draw TaskSampler::draw(int64_t num_blocks, int64_t block_size, core::Random& random) const {
  Draw draw;
  const double u = random.uniform(1e-9, 1 - 1e-9);  // off the edges, where equal shares' sum is rounded
  double upper = shares_[0];
  for (int64_t b = 0, task = 0; b < num_blocks; ++b) {
    const double point = (u + static_cast<double>(b)) / static_cast<double>(num_blocks);
    while (point >= upper && task + 1 < static_cast<int64_t>(shares_.size()))
      upper += shares_[static_cast<size_t>(++task)];
    draw.tasks.push_back(task);
  }
  for (size_t b = 0; b < draw.tasks.size();) {
    const int64_t task = draw.tasks[b];
    const auto blocks = std::count(draw.tasks.begin(), draw.tasks.end(), task);
    const std::vector<int64_t>& own = rows_[static_cast<size_t>(task)];
    for (int64_t i : different_rows(static_cast<int64_t>(own.size()), blocks * block_size, random))
      draw.rows.push_back(own[static_cast<size_t>(i)]);
    b += static_cast<size_t>(blocks);
  }
  return draw;
}

}  // namespace lathe::data
