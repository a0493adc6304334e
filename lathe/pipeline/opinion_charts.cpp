#include "lathe/pipeline/opinion_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "lathe/core/printable.h"
#include "lathe/evaluate/opinion/mitigation.h"
#include "lathe/evaluate/opinion/opinion_space.h"

namespace lathe::pipeline {
namespace {

namespace opinion = evaluate::opinion;
using core::Chart;
using core::Series;
using opinion::Measurement;
using opinion::User;

constexpr double kHalfRow = 485, kWholeRow = 1022;
constexpr size_t kMaxUsers = 400;  // of a picture of users one by one; more are thinned out evenly
constexpr size_t kMaxGroups = 8;   // with a colour of their own
constexpr size_t kMaxSlices = 24;
constexpr int64_t kClusters = 8;
const core::Seed kSeed{0};  // of Lanczos' starting vectors: the pictures are always the same

double height_of(size_t rows) {
  return 70 + 22 * static_cast<double>(rows);
}

// Every user, or evenly spread ranks.
std::vector<size_t> shown_ranks(size_t num_users) {
  std::vector<size_t> ranks;
  const size_t count = std::min(num_users, kMaxUsers);
  for (size_t i = 0; i < count; ++i) ranks.push_back(i * num_users / count);
  return ranks;
}

// Users by group: the largest groups, then the others together. Names that are the same, as of hidden groups,
// are one series.
std::vector<Series> series_by_group(const Measurement& m) {
  std::map<std::string, int64_t> people;
  for (const User& user : m.users.users) ++people[m.groups[static_cast<size_t>(user.group)]];
  std::vector<std::pair<int64_t, std::string>> order;
  for (const auto& [name, count] : people) order.emplace_back(-count, name);
  std::sort(order.begin(), order.end());
  std::map<std::string, size_t> index;
  std::vector<Series> series;
  for (const auto& [count, name] : order) {
    index[name] = std::min(index.size(), kMaxGroups);
    if (series.size() < kMaxGroups)
      series.push_back({.name = core::printable(name), .x = {}, .y = {}});
    else if (series.size() == kMaxGroups)
      series.push_back({.name = "other groups", .x = {}, .y = {}});
  }
  for (const size_t rank : shown_ranks(m.users.users.size())) {
    const User& user = m.users.users[rank];
    Series& one = series[index[m.groups[static_cast<size_t>(user.group)]]];
    one.x.push_back(static_cast<double>(rank + 1));
    one.y.push_back(user.accuracy());
    one.low.push_back(user.interval.low);
    one.high.push_back(user.interval.high);
  }
  return series;
}

}  // namespace

Chart users_chart(const Measurement& m) {
  return core::scatter_chart({.title = "Users from the worst served to the best",
                              .x_label = "rank",
                              .y_label = "accuracy on their own labels",
                              .width = kWholeRow},
                             series_by_group(m));
}

Chart disagreement_chart(const Measurement& m) {
  std::vector<Series> series = {{.name = "users", .x = {}, .y = {}}};
  double most = 0;
  for (const size_t rank : shown_ranks(m.users.users.size())) {
    const User& user = m.users.users[rank];
    series[0].x.push_back(user.disagreement);
    series[0].y.push_back(user.accuracy());
    most = std::max(most, user.disagreement);
  }
  Series line{.name = "1 − ADR: one answer for all", .x = {}, .y = {}};
  for (int i = 0; i <= 60; ++i) {
    line.x.push_back(most * i / 60);
    line.y.push_back(1 - line.x.back());
  }
  series.push_back(std::move(line));
  return core::scatter_chart({.title = "Disagreement with the majority and accuracy",
                              .x_label = "disagreement (ADR)",
                              .y_label = "accuracy",
                              .width = kHalfRow,
                              .height = 320},
                             series);
}

Chart bins_chart(const opinion::BinTable& table) {
  std::vector<std::string> labels;
  std::vector<double> values, low, high;
  const bool people = table.criterion == opinion::Criterion::annotator_disagreement ||
                      table.criterion == opinion::Criterion::demography;
  for (const opinion::Bin& bin : table.bins) {
    const int64_t count = people ? bin.num_annotators : bin.num_units;
    const char* unit = people                                                    ? "people"
                       : table.criterion == opinion::Criterion::sample_ambiguity ? "items"
                                                                                 : "annotations";
    labels.push_back(fmt::format("{} · {}", core::printable(bin.name),
                                 bin.notes[0].empty() ? fmt::format("{} {}", count, unit) : bin.notes[0]));
    values.push_back(bin.values[0].value);
    low.push_back(bin.values[0].interval.low);
    high.push_back(bin.values[0].interval.high);
  }
  std::string title = to_string(table.criterion);
  std::replace(title.begin(), title.end(), '_', ' ');
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return core::interval_chart({.title = title,
                               .x_label = to_string(table.metrics[0]),
                               .width = kHalfRow,
                               .height = height_of(labels.size())},
                              labels, values, low, high);
}

Chart error_map(const data::Annotations& annotations, const opinion::Profile& profile,
                const evaluate::OpinionPredictions& predictions) {
  const int64_t num_clusters = std::min(kClusters, annotations.num_annotators());
  const opinion::CoClusters clusters = opinion::co_cluster(annotations, profile, num_clusters, kSeed);
  const auto size = static_cast<size_t>(num_clusters);
  std::vector<std::vector<double>> wrong(size, std::vector<double>(size, 0)), all = wrong;
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  for (size_t i = 0; i < predicted.size(); ++i) {
    const auto row = static_cast<size_t>(predictions.rows[i]);
    const auto user =
        static_cast<size_t>(clusters.annotator[static_cast<size_t>(annotations.annotator[row])]);
    const auto item = static_cast<size_t>(clusters.item[static_cast<size_t>(annotations.item[row])]);
    wrong[user][item] += predicted[i] != annotations.label[row];
    ++all[user][item];
  }
  std::vector<std::string> names;
  for (size_t c = 0; c < size; ++c) {
    names.push_back(std::to_string(c + 1));
    for (size_t d = 0; d < size; ++d) wrong[c][d] /= all[c][d];
  }
  return core::heat_map({.title = "Share of wrong predictions",
                         .x_label = "clusters of items",
                         .y_label = "clusters of users",
                         .width = kHalfRow,
                         .height = 360},
                        names, names, wrong);
}

Chart opinion_map_chart(const data::Annotations& annotations, const opinion::Profile& profile,
                        const Measurement& m) {
  const opinion::OpinionMap map = opinion::opinion_map(annotations, profile, kSeed);
  const size_t num_users = m.users.users.size();
  constexpr size_t kParts = 4;
  std::vector<Series> series;
  for (const size_t rank : shown_ranks(num_users)) {
    const User& user = m.users.users[rank];
    const size_t part = rank * kParts / num_users;
    while (series.size() <= part) {
      const auto accuracy_at = [&](size_t index) { return m.users.users[index].accuracy(); };
      const size_t s = series.size(), first = (s * num_users + kParts - 1) / kParts,
                   end = ((s + 1) * num_users + kParts - 1) / kParts;
      series.push_back(
          {.name = fmt::format("accuracy {:.2f} to {:.2f}", accuracy_at(std::min(first, num_users - 1)),
                               accuracy_at(end - 1)),
           .x = {},
           .y = {}});
    }
    series[part].x.push_back(map.x[static_cast<size_t>(user.annotator)]);
    series[part].y.push_back(map.y[static_cast<size_t>(user.annotator)]);
  }
  return core::scatter_chart(
      {.title = "Map of opinions: who answers like whom",
       .x_label = fmt::format("first component, {:.1f} % of the differences", 100 * map.explained_x),
       .y_label = fmt::format("second, {:.1f} %", 100 * map.explained_y),
       .width = kHalfRow,
       .height = 360},
      series);
}

Chart popularity_chart(const opinion::Profile& profile, const data::Annotations& annotations,
                       const evaluate::OpinionPredictions& predictions) {
  constexpr int kBins = 10;
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  std::vector<double> counts[2] = {std::vector<double>(kBins, 0), std::vector<double>(kBins, 0)};
  double totals[2] = {0, 0};
  for (size_t i = 0; i < predicted.size(); ++i) {
    const auto row = static_cast<size_t>(predictions.rows[i]);
    const int right = predicted[i] == annotations.label[row];
    ++counts[right]
            [static_cast<size_t>(std::min(kBins - 1, static_cast<int>(profile.popularity[row] * kBins)))];
    ++totals[right];
  }
  std::vector<Series> series;
  for (const int right : {1, 0}) {
    Series one{.name = right ? "predicted right" : "predicted wrong", .x = {}, .y = {}};
    for (int b = 0; b < kBins; ++b) {
      one.x.push_back((b + 0.5) / kBins);
      one.y.push_back(counts[right][static_cast<size_t>(b)] / totals[right]);
    }
    series.push_back(std::move(one));
  }
  return core::line_chart({.title = "Popularity of the opinions that are met and missed",
                           .x_label = "share of the item's annotators who say the same",
                           .y_label = "share of the annotations",
                           .width = kHalfRow,
                           .height = 320},
                          series);
}

Chart plane_chart(const std::vector<MeasuredOpinions>& models) {
  std::vector<opinion::FairnessPoint> points;
  std::vector<Series> series;
  for (const MeasuredOpinions& model : models) {
    const opinion::Score& score = model.measurement.tables.front().scores.front();
    points.push_back({score.general.value, score.fairness.value});
    series.push_back({.name = core::printable(model.name),
                      .x = {score.general.value},
                      .y = {score.fairness.value},
                      .low = {score.fairness.interval.low},
                      .high = {score.fairness.interval.high}});
  }
  const std::vector<size_t> front = opinion::pareto_front(points);
  for (const size_t i : front)
    if (models.size() > 1) series[i].name += " (not beaten)";
  const opinion::BinTable& table = models.front().measurement.tables.front();
  return core::scatter_chart(
      {.title = fmt::format("Fairness and performance by {}", to_string(table.criterion)),
       .x_label = "general performance G, mean of the bins",
       .y_label = "fairness F, 1 − their deviation",
       .width = kHalfRow,
       .height = 320},
      series);
}

Chart slices_chart(const opinion::Slices& slices) {
  std::vector<std::string> labels;
  std::vector<double> values, low, high;
  for (size_t s = 0; s < std::min(kMaxSlices, slices.slices.size()); ++s) {
    const opinion::Slice& slice = slices.slices[s];
    labels.push_back(fmt::format("{} · {}", core::printable(slice.name), slice.num_annotations));
    values.push_back(slice.accuracy.value);
    low.push_back(slice.accuracy.interval.low);
    high.push_back(slice.accuracy.interval.high);
  }
  return core::interval_chart({.title = "The slices served worst · annotations",
                               .x_label = "accuracy",
                               .width = kWholeRow,
                               .height = height_of(labels.size())},
                              labels, values, low, high);
}

}  // namespace lathe::pipeline
