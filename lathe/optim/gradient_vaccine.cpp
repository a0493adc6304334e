#include "lathe/optim/gradient_vaccine.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::optim {
namespace {

// A squared norm below this share of what it was is the rounding of a gradient that was taken away whole.
constexpr double kRounding = 1e-12;
constexpr double kHighestTarget = 0.999;  // the gradient grows as 1 / √(1 − φ̂²)
constexpr int64_t kColumns = 1 << 14;  // worked on at once: what they hold of some tasks stays in the cache

void check(const torch::Tensor& gradients, const std::vector<Range>& components,
           const torch::Tensor& averages) {
  if (gradients.dim() != 2 || !gradients.is_floating_point())
    throw InputError("the gradients of tasks must be a floating-point matrix, one row a task");
  int64_t column = 0;
  for (const Range& range : components) {
    if (range.begin != column || range.end <= range.begin)
      throw InputError("component {} to {} does not follow on column {}", range.begin, range.end, column);
    column = range.end;
  }
  if (column != gradients.size(1))
    throw InputError("the components cover {} of {} columns", column, gradients.size(1));
  const auto T = gradients.size(0), K = static_cast<int64_t>(components.size());
  if (averages.sizes() != torch::IntArrayRef({T, T, K}) || averages.scalar_type() != torch::kFloat64 ||
      !averages.is_contiguous())
    throw InputError("the averages must be float64 [{}, {}, {}]", T, T, K);
}

torch::Dtype working_type(const torch::Tensor& gradients) {
  return gradients.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
}

// The products of the rows within some columns, float64 [T, T] on the CPU.
torch::Tensor gram_matrix(const torch::Tensor& rows, const Range& columns) {
  torch::Tensor sum;
  for (int64_t begin = columns.begin; begin < columns.end; begin += kColumns) {
    const torch::Tensor part =
        rows.slice(1, begin, std::min(begin + kColumns, columns.end)).to(working_type(rows));
    const torch::Tensor products = part.mm(part.t()).to(torch::kFloat64);
    sum = sum.defined() ? sum.add_(products) : products;
  }
  return sum.cpu().contiguous();
}

// weights [T] times the rows, within some columns.
void combine(const torch::Tensor& rows, const Range& columns, const std::vector<double>& weights,
             torch::Tensor& into) {
  const torch::Tensor factors = torch::tensor(weights, torch::kFloat64).to(into.options());
  for (int64_t begin = columns.begin; begin < columns.end; begin += kColumns) {
    const int64_t end = std::min(begin + kColumns, columns.end);
    torch::Tensor out = into.slice(0, begin, end);
    torch::mv_out(out, rows.slice(1, begin, end).to(into.scalar_type()).t(), factors);
  }
}

// One task's gradient as a combination c of all rows, with what the products of the rows say of it.
struct Combination {
  std::vector<double> weights;   // c
  std::vector<double> products;  // g' · g_j
  double squared_norm = 0;

  void add(double a, size_t j, const double* products_of_j) {
    squared_norm += 2 * a * products[j] + a * a * products_of_j[j];
    for (size_t m = 0; m < products.size(); ++m) products[m] += a * products_of_j[m];
    weights[j] += a;
  }
};

}  // namespace

void check(const VaccineOptions& options, int64_t num_tasks) {
  if (!(options.beta >= 0 && options.beta <= 1))
    throw InputError("beta must be in [0, 1], got {}", options.beta);
  if (options.target && !(std::abs(*options.target) < 1))
    throw InputError("target must be in (-1, 1), got {}", *options.target);
  for (int64_t task : options.treated)
    if (task < 0 || task >= num_tasks) throw InputError("there is no task {} among {}", task, num_tasks);
}

VaccineResult vaccinate(const torch::Tensor& gradients, const std::vector<Range>& components,
                        torch::Tensor& averages, const VaccineOptions& options, core::Random& random,
                        const std::vector<bool>& present) {
  const torch::NoGradGuard no_grad;
  check(gradients, components, averages);
  const auto T = static_cast<size_t>(gradients.size(0)), K = components.size();
  check(options, gradients.size(0));
  std::vector<size_t> here;
  for (size_t i = 0; i < T; ++i)
    if (present.empty() || present[i]) here.push_back(i);
  std::vector<bool> treated(T, options.treated.empty());
  for (int64_t task : options.treated) treated[static_cast<size_t>(task)] = true;

  VaccineResult result;
  result.gradient = torch::empty({gradients.size(1)}, gradients.options().dtype(working_type(gradients)));
  result.coefficients =
      torch::zeros({static_cast<int64_t>(K), gradients.size(0), gradients.size(0)}, torch::kFloat64);
  double* average = averages.data_ptr<double>();
  double squared_sum_norm = 0;
  for (size_t k = 0; k < K; ++k) {
    const torch::Tensor gram = gram_matrix(gradients, components[k]);
    const double* products = gram.data_ptr<double>();
    std::vector<double> total(T, 0);
    for (size_t i : here)
      for (size_t j : here) squared_sum_norm += products[i * T + j];
    for (size_t i : here) {
      Combination own{.weights = std::vector<double>(T, 0),
                      .products = {products + i * T, products + (i + 1) * T},
                      .squared_norm = products[i * T + i]};
      own.weights[i] = 1;
      std::vector<size_t> others = here;
      random.shuffle(others);
      for (size_t j : others) {
        const double* of_j = products + j * T;
        if (j == i || !treated[i] || !(own.squared_norm > kRounding * products[i * T + i]) || !(of_j[j] > 0))
          continue;
        const double norm = std::sqrt(own.squared_norm), norm_j = std::sqrt(of_j[j]);
        const double cosine = std::clamp(own.products[j] / (norm * norm_j), -1.0, 1.0);
        double& usual = average[(i * T + j) * K + k];
        const double target = std::min(options.target.value_or(usual), kHighestTarget);
        ++result.pairs;
        result.mean_cosine += cosine;
        if (cosine < target) {
          ++result.triggered;
          const double sine = std::sqrt(1 - cosine * cosine), target_sine = std::sqrt(1 - target * target);
          own.add(norm * (target * sine - cosine * target_sine) / (norm_j * target_sine), j, of_j);
        }
        usual += options.beta * (cosine - usual);
      }
      for (size_t m = 0; m < T; ++m) {
        total[m] += own.weights[m];
        result.coefficients[static_cast<int64_t>(k)][static_cast<int64_t>(i)][static_cast<int64_t>(m)] =
            own.weights[m];
      }
    }
    if (options.reduction == TaskReduction::mean)
      for (double& weight : total) weight /= static_cast<double>(std::max<size_t>(1, here.size()));
    combine(gradients, components[k], total, result.gradient);
  }
  result.sum_norm = std::sqrt(std::max(0.0, squared_sum_norm));
  if (result.pairs > 0) result.mean_cosine /= static_cast<double>(result.pairs);
  return result;
}

torch::Tensor pcgrad(const torch::Tensor& gradients, core::Random& random) {
  torch::Tensor unused = torch::zeros({gradients.size(0), gradients.size(0), 1}, torch::kFloat64);
  return vaccinate(gradients, {{0, gradients.size(1)}}, unused, {.beta = 0, .target = 0.0}, random).gradient;
}

}  // namespace lathe::optim
