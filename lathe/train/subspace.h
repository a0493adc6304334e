#pragma once
#include <torch/nn/module.h>
#include <torch/serialize.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lathe/core/config.h"
#include "lathe/core/seed.h"

namespace lathe::train {

// One training run that yields a line, a curve or a simplex of accurate networks. Wortsman, Horton, Guestrin,
// Farhadi & Rastegari, Learning Neural Network Subspaces, ICML 2021 (arXiv 2102.10472).
//
// n endpoints ω_1 … ω_n, full sets of weights that start apart; a point has the weights w = Σ c_i ω_i:
//   line     n = 2, c = (1 − α, α), α ~ U[0, 1]
//   curve    n = 3, c = ((1 − α)², α², 2α(1 − α)), a quadratic Bézier curve; ω_3 is its control point
//   simplex  c ~ Dirichlet(1, …, 1)
// Each step descends ℓ(w) + β cos²(ω_j, ω_k) at one random point, for one random pair (eq. 4, Algorithm 1):
//   ∂ℓ/∂ω_i = c_i ∂ℓ/∂w,   ∂cos²/∂a = 2 cos · (b/(‖a‖‖b‖) − cos · a/‖a‖²)
// The cosine is over all tensors of two or more dimensions together; biases and normalisation are mixed too,
// but not pushed apart.
enum class SubspaceKind { line, curve, simplex };

struct SubspaceOptions {
  SubspaceKind kind = SubspaceKind::line;
  int64_t endpoints = 2;   // 3 for a curve; 1 or more for a simplex
  double beta = 1;         // paper, §4
  bool per_layer = false;  // each module that has parameters draws its own point (paper, §3.2)
  // The batch is cut into so many parts, each at a point of its own (paper, appendix).
  int64_t samples = 1;
  std::vector<std::string> exclude = {};  // parameter names, `*` for any text: shared by all points
};
SubspaceOptions subspace_options(const core::Config& subspace);  // reads a [train.subspace] table
void check(const SubspaceOptions& options);                      // throws InputError
std::string to_string(SubspaceKind kind);

std::vector<double> line_point(double alpha);   // c of α on a line,
std::vector<double> curve_point(double alpha);  // on a curve

// Endpoints around one unmodified module, whose parameters hold the point that was set last. A step:
//   subspace.draw(random); forward and backward of *module(); subspace.pull_gradients(); optimizer.step()
// with the optimizer made of parameters(). Running statistics of batch norm mix all points and are of no use:
// point() takes them anew.
class Subspace {
 public:
  // Makes a module with the i-th endpoint's initial values, a new one each time; the first is module()
  // itself. Throws InputError where names or shapes of parameters differ.
  using Make = std::function<std::shared_ptr<torch::nn::Module>(int64_t i)>;
  Subspace(const Make& make, SubspaceOptions options);

  const std::shared_ptr<torch::nn::Module>& module() const { return module_; }
  const SubspaceOptions& options() const { return options_; }
  std::vector<torch::Tensor> parameters() const;  // of all endpoints, and those that are shared

  void draw(core::Random& random);  // a point, and the pair that is pushed apart
  void set_point(const std::vector<double>& coefficients);
  void set_midpoint();  // c of α = 1/2, or 1/n each
  // .grad of the module's parameters becomes that of the endpoints, with the regulariser's; cos² of the pair.
  double pull_gradients();

  // A network of its own at a point. `feed` passes training examples through it for batch norm's statistics;
  // throws InputError without one where the network has batch norm.
  using Feed = std::function<void(torch::nn::Module&)>;
  std::shared_ptr<torch::nn::Module> point(const std::vector<double>& coefficients, const Feed& feed = {});

  double cosine(int64_t j, int64_t k) const;    // of ω_j and ω_k
  double distance(int64_t j, int64_t k) const;  // ‖ω_j − ω_k‖₂, of the same tensors
  std::vector<double> random_point(core::Random& random) const;
  std::vector<double> midpoint() const;

  void save(torch::serialize::OutputArchive& archive) const;  // "kind", "endpoint.i.NAME", "shared.NAME"
  void load(torch::serialize::InputArchive& archive);         // throws InputError for another kind or number

 private:
  struct Weight {
    std::string name;
    torch::Tensor parameter;               // the module's
    std::vector<torch::Tensor> endpoints;  // empty: shared
    size_t layer = 0;
    bool regularised() const { return !endpoints.empty() && parameter.dim() >= 2; }
  };
  void mix();
  struct Products {
    double jj = 0, kk = 0, jk = 0;
  };
  Products products(int64_t j, int64_t k) const;
  void add_regulariser(const Products& products);

  Make make_;
  SubspaceOptions options_;
  std::shared_ptr<torch::nn::Module> module_;
  std::vector<Weight> weights_;
  std::vector<std::vector<double>> coefficients_;  // of each layer
  int64_t pair_[2] = {0, 0};
};

}  // namespace lathe::train
