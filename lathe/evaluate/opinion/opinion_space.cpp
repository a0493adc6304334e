#include "lathe/evaluate/opinion/opinion_space.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/math/lanczos.h"

namespace lathe::evaluate::opinion {
namespace {

// R with its rows and columns multiplied by row_scale and column_scale.
struct Residuals {
  const data::Annotations& annotations;
  const Votes& votes;
  std::vector<int64_t> offsets;
  Eigen::VectorXd row_scale, column_scale;  // [annotators], [items]

  // Rᵀ v, [items · classes].
  Eigen::VectorXd transposed(const Eigen::VectorXd& v) const {
    Eigen::VectorXd result = Eigen::VectorXd::Zero(votes.num_items * votes.num_classes);
    for (int64_t item = 0; item < votes.num_items; ++item) {
      double sum = 0;
      double* out = result.data() + item * votes.num_classes;
      for (auto row = static_cast<size_t>(begin(item)); row < static_cast<size_t>(begin(item + 1)); ++row) {
        const double value = row_scale[annotations.annotator[row]] * v[annotations.annotator[row]];
        out[annotations.label[row]] += value;
        sum += value;
      }
      for (int64_t c = 0; c < votes.num_classes; ++c)
        out[c] = column_scale[item] * (out[c] - share(item, c) * sum);
    }
    return result;
  }

  // R z, [annotators].
  Eigen::VectorXd times(const Eigen::VectorXd& z) const {
    Eigen::VectorXd result = Eigen::VectorXd::Zero(annotations.num_annotators());
    for (int64_t item = 0; item < votes.num_items; ++item) {
      const double* in = z.data() + item * votes.num_classes;
      double mean = 0;
      for (int64_t c = 0; c < votes.num_classes; ++c) mean += share(item, c) * in[c];
      for (auto row = static_cast<size_t>(begin(item)); row < static_cast<size_t>(begin(item + 1)); ++row)
        result[annotations.annotator[row]] += column_scale[item] * (in[annotations.label[row]] - mean);
    }
    return result.cwiseProduct(row_scale);
  }

  double sum_of_squares() const {
    double sum = 0;
    for (size_t row = 0; row < annotations.item.size(); ++row) {
      const int64_t item = annotations.item[row];
      double square = 0;
      for (int64_t c = 0; c < votes.num_classes; ++c) {
        const double one = (annotations.label[row] == c ? 1 : 0) - share(item, c);
        square += one * one;
      }
      sum += square;
    }
    return sum;
  }

  int64_t begin(int64_t item) const { return offsets[static_cast<size_t>(item)]; }
  double share(int64_t item, int64_t c) const {
    const auto total = static_cast<double>(begin(item + 1) - begin(item));
    return total == 0 ? 0 : static_cast<double>(votes.of(item)[c]) / total;
  }
};

Residuals residuals_of(const data::Annotations& annotations, const Profile& profile) {
  if (annotations.num_annotators() < 3)
    throw InputError("a map of opinions needs at least three annotators, got {}",
                     annotations.num_annotators());
  return {annotations, profile.votes, item_offsets(annotations),
          Eigen::VectorXd::Ones(annotations.num_annotators()),
          Eigen::VectorXd::Ones(annotations.num_items())};
}

math::LanczosResult leading(const Residuals& residuals, int64_t count, core::Seed seed) {
  return math::lanczos([&](const Eigen::VectorXd& v) { return residuals.times(residuals.transposed(v)); },
                       residuals.annotations.num_annotators(),
                       {.num_eigenvalues = count, .tolerance = 1e-3, .seed = seed});
}

// 0 … num_clusters − 1 by rank among those that are not NaN.
std::vector<int32_t> cut(const std::vector<double>& coordinates, int64_t num_clusters) {
  std::vector<size_t> order;
  for (size_t i = 0; i < coordinates.size(); ++i)
    if (!std::isnan(coordinates[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return coordinates[a] < coordinates[b]; });
  std::vector<int32_t> cluster(coordinates.size(), -1);
  for (size_t rank = 0; rank < order.size(); ++rank)
    cluster[order[rank]] = static_cast<int32_t>(rank * static_cast<size_t>(num_clusters) / order.size());
  return cluster;
}

}  // namespace

OpinionMap opinion_map(const data::Annotations& annotations, const Profile& profile, core::Seed seed) {
  const Residuals residuals = residuals_of(annotations, profile);
  const math::LanczosResult found = leading(residuals, 2, seed);
  const double all = residuals.sum_of_squares();
  OpinionMap map;
  const auto component = [&](Eigen::Index k) {
    const double scale = std::sqrt(std::max(0.0, found.values[static_cast<size_t>(k)]));
    const Eigen::VectorXd scores = scale * found.vectors.col(k);
    return std::vector<double>(scores.data(), scores.data() + scores.size());
  };
  map.x = component(0);
  map.y = component(1);
  map.explained_x = all > 0 ? found.values[0] / all : 0;
  map.explained_y = all > 0 ? found.values[1] / all : 0;
  return map;
}

CoClusters co_cluster(const data::Annotations& annotations, const Profile& profile, int64_t num_clusters,
                      core::Seed seed) {
  if (num_clusters < 1) throw InputError("num_clusters must be at least 1, got {}", num_clusters);
  Residuals residuals = residuals_of(annotations, profile);
  Eigen::VectorXd answers = Eigen::VectorXd::Zero(annotations.num_annotators());
  for (const int32_t annotator : annotations.annotator) ++answers[annotator];
  for (int64_t a = 0; a < answers.size(); ++a)
    residuals.row_scale[a] = answers[a] > 0 ? 1 / std::sqrt(answers[a]) : 0;
  for (int64_t item = 0; item < annotations.num_items(); ++item) {
    const auto votes = static_cast<double>(residuals.begin(item + 1) - residuals.begin(item));
    residuals.column_scale[item] = votes > 0 ? 1 / std::sqrt(votes) : 0;
  }
  const Eigen::VectorXd u = leading(residuals, 1, seed).vectors.col(0);
  const Eigen::VectorXd v = residuals.transposed(u);
  // The class in which items differ most says where an item lies.
  const int64_t num_classes = profile.votes.num_classes;
  const auto by_class = Eigen::Map<const Eigen::MatrixXd>(v.data(), num_classes, annotations.num_items());
  Eigen::Index widest = 0;
  by_class.rowwise().squaredNorm().reverse().maxCoeff(&widest);
  widest = num_classes - 1 - widest;  // of equal ones the last: "yes" of two
  std::vector<double> of_annotators, of_items;
  for (int64_t a = 0; a < answers.size(); ++a)
    of_annotators.push_back(answers[a] > 0 ? u[a] * residuals.row_scale[a] : std::nan(""));
  for (int64_t item = 0; item < annotations.num_items(); ++item)
    of_items.push_back(residuals.column_scale[item] > 0
                           ? by_class(widest, item) * residuals.column_scale[item]
                           : std::nan(""));
  return {num_clusters, cut(of_annotators, num_clusters), cut(of_items, num_clusters)};
}

}  // namespace lathe::evaluate::opinion
