#include "lathe/evaluate/dawid_skene.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/core/seed.h"
#include "tests/support/message.h"

namespace lathe::evaluate {
namespace {

using data::Annotations;
using testing_support::message_of;

struct Planted {
  Annotations annotations;
  std::vector<int32_t> truth;
  std::vector<std::vector<double>> confusions;  // [annotator][truth * classes + label]
};

Planted planted(int items, int annotators, int classes, double asked, uint64_t seed) {
  core::Random random = core::Seed(seed).random();
  Planted p;
  for (int c = 0; c < classes; ++c) p.annotations.scale.classes.push_back(std::to_string(c));
  for (int j = 0; j < annotators; ++j) {
    p.annotations.annotators.push_back(std::to_string(j));
    std::vector<double> confusion;
    for (int k = 0; k < classes; ++k) {
      const double right = random.uniform(0.55, 0.95);
      for (int l = 0; l < classes; ++l)
        confusion.push_back(l == k ? right : (1 - right) / static_cast<double>(classes - 1));
    }
    p.confusions.push_back(confusion);
  }
  for (int i = 0; i < items; ++i) {
    p.annotations.items.push_back(std::to_string(i));
    p.truth.push_back(static_cast<int32_t>(random.below(classes)));
    for (int j = 0; j < annotators; ++j) {
      if (random.uniform() >= asked) continue;
      double u = random.uniform();
      int l = 0;
      const double* row =
          &p.confusions[static_cast<size_t>(j)][static_cast<size_t>(p.truth.back() * classes)];
      while (l + 1 < classes && (u -= row[l]) >= 0) ++l;
      p.annotations.item.push_back(i);
      p.annotations.annotator.push_back(j);
      p.annotations.label.push_back(l);
    }
  }
  return p;
}

TEST(DawidSkene, FindsPlantedConfusions) {
  double error = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Planted p = planted(1000, 20, 2, 1, seed);
    const DawidSkene found = dawid_skene(p.annotations);
    EXPECT_TRUE(found.converged);
    double sum = 0;
    for (size_t j = 0; j < 20; ++j)
      for (size_t cell = 0; cell < 4; ++cell)
        sum += std::abs(found.confusion_of(static_cast<int64_t>(j))[cell] - p.confusions[j][cell]) / 80;
    error = std::max(error, sum);
    const std::vector<int32_t> labels = most_probable(found);
    int wrong = 0;
    for (size_t i = 0; i < labels.size(); ++i) wrong += labels[i] != p.truth[i];
    EXPECT_LE(wrong, 15);
  }
  EXPECT_LT(error, 0.03);
}

// One step by the formulas of the paper, written out; from there the reference and the pass go the same way.
TEST(DawidSkene, IsTheAlgorithmOfThePaper) {
  const Planted p = planted(40, 6, 3, 0.7, 3);
  const Annotations& a = p.annotations;
  constexpr size_t kItems = 40, kPeople = 6, kClasses = 3;
  std::vector<std::vector<double>> t(kItems, std::vector<double>(kClasses));
  for (size_t r = 0; r < a.item.size(); ++r)
    t[static_cast<size_t>(a.item[r])][static_cast<size_t>(a.label[r])] += 1;
  for (auto& row : t) {
    const double sum = row[0] + row[1] + row[2];
    if (sum > 0)
      for (double& value : row) value /= sum;
  }
  const double smoothing = 0.25;
  double log_likelihood = 0;
  for (int step = 0; step < 4; ++step) {
    std::vector<double> pi(kPeople * 9, smoothing), shares(kClasses);
    for (size_t r = 0; r < a.item.size(); ++r)
      for (size_t k = 0; k < kClasses; ++k)
        pi[static_cast<size_t>(a.annotator[r]) * 9 + k * 3 + static_cast<size_t>(a.label[r])] +=
            t[static_cast<size_t>(a.item[r])][k];
    log_likelihood = 0;
    for (size_t row = 0; row < pi.size(); row += 3) {
      const double sum = pi[row] + pi[row + 1] + pi[row + 2];
      for (size_t l = 0; l < 3; ++l) log_likelihood += smoothing * std::log(pi[row + l] /= sum);
    }
    double answered = 0;
    for (const auto& row : t)
      for (size_t k = 0; k < kClasses; ++k) {
        shares[k] += row[k];
        answered += row[k];
      }
    for (double& share : shares) share /= answered;
    for (size_t i = 0; i < kItems; ++i) {
      std::vector<double> joint = shares;
      bool any = false;
      for (size_t r = 0; r < a.item.size(); ++r)
        if (a.item[r] == static_cast<int32_t>(i)) {
          any = true;
          for (size_t k = 0; k < kClasses; ++k)
            joint[k] *= pi[static_cast<size_t>(a.annotator[r]) * 9 + k * 3 + static_cast<size_t>(a.label[r])];
        }
      if (!any) continue;
      const double sum = joint[0] + joint[1] + joint[2];
      log_likelihood += std::log(sum);
      for (size_t k = 0; k < kClasses; ++k) t[i][k] = joint[k] / sum;
    }
  }
  const DawidSkene found = dawid_skene(a, {.max_iterations = 4, .tolerance = -1, .smoothing = smoothing});
  EXPECT_NEAR(found.log_likelihoods.back(), log_likelihood, 1e-3);
  for (size_t i = 0; i < kItems; ++i)
    for (size_t k = 0; k < kClasses; ++k) EXPECT_NEAR(found.posteriors[i * kClasses + k], t[i][k], 1e-4);
}

TEST(DawidSkene, TheLikelihoodNeverFalls) {
  for (const double smoothing : {0.0, 0.01, 1.0})
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const DawidSkene found = dawid_skene(planted(200, 10, 4, 0.4, seed).annotations,
                                           {.max_iterations = 60, .tolerance = -1, .smoothing = smoothing});
      ASSERT_EQ(found.log_likelihoods.size(), 60u);
      for (size_t i = 1; i < found.log_likelihoods.size(); ++i)
        EXPECT_GE(found.log_likelihoods[i], found.log_likelihoods[i - 1] - 1e-3) << smoothing << " " << i;
    }
}

TEST(DawidSkene, ItemsAndPeopleWithoutAnnotations) {
  Annotations a = planted(100, 5, 2, 1, 0).annotations;
  a.items.push_back("nobody saw it");
  a.annotators.push_back("said nothing");
  const DawidSkene found = dawid_skene(a, {.smoothing = 0});
  EXPECT_FLOAT_EQ(found.posterior_of(100)[0], static_cast<float>(found.shares[0]));
  EXPECT_FLOAT_EQ(found.confusion_of(5)[1], 0.5F);
}

TEST(DawidSkene, DoesNotDependOnThreads) {
  const Annotations a = planted(500, 12, 3, 0.5, 4).annotations;
  const int before = core::num_threads();
  core::set_num_threads(1);
  const DawidSkene one = dawid_skene(a);
  core::set_num_threads(3);
  const DawidSkene three = dawid_skene(a);
  core::set_num_threads(before);
  EXPECT_EQ(one.posteriors, three.posteriors);
  EXPECT_EQ(one.log_likelihoods, three.log_likelihoods);
}

TEST(DawidSkene, RefusesBadInput) {
  Annotations a = planted(10, 3, 2, 1, 0).annotations;
  EXPECT_EQ(message_of<InputError>([&] { dawid_skene(a, {.smoothing = -1}); }),
            "dawid_skene: smoothing must be at least 0, got -1");
  EXPECT_EQ(message_of<InputError>([&] { dawid_skene(a, {.max_iterations = 0}); }),
            "dawid_skene: max_iterations must be at least 1, got 0");
  EXPECT_EQ(message_of<InputError>([&] { dawid_skene({}); }), "dawid_skene: there is no annotation");
  a.scale = {data::LabelScale::Kind::real, {}};
  EXPECT_THROW(dawid_skene(a), InputError);
}

}  // namespace
}  // namespace lathe::evaluate
