#include "lathe/evaluate/subjective/assignment.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include "lathe/core/error.h"

namespace lathe::evaluate::subjective {
namespace {

// The annotators of a group, those first who have seen the fewest samples of this stratum, then of all; ties
// are drawn anew each time.
class Queue {
 public:
  Queue(int64_t size, core::Random random) : random_(random) {
    for (int64_t person = 0; person < size; ++person) waiting_.insert({0, 0, random_(), person});
  }

  void begin_stratum() {
    std::set<Turn> waiting;
    for (Turn turn : waiting_) {
      turn.in_stratum = 0;
      waiting.insert(turn);
    }
    waiting_ = std::move(waiting);
  }

  std::vector<int64_t> take(int64_t count) {
    std::vector<Turn> taken;
    for (int64_t i = 0; i < count; ++i) taken.push_back(waiting_.extract(waiting_.begin()).value());
    std::vector<int64_t> people;
    for (const Turn& turn : taken) {
      people.push_back(turn.person);
      waiting_.insert({turn.in_stratum + 1, turn.in_all + 1, random_(), turn.person});
    }
    return people;
  }

 private:
  struct Turn {
    int64_t in_stratum, in_all;
    uint64_t draw;
    int64_t person;
    bool operator<(const Turn& other) const {
      return std::tie(in_stratum, in_all, draw, person) <
             std::tie(other.in_stratum, other.in_all, other.draw, other.person);
    }
  };
  core::Random random_;
  std::set<Turn> waiting_;
};

// Samples by stratum, in a random order within each.
std::vector<int64_t> by_stratum(const std::vector<int32_t>& stratum, core::Random random) {
  std::vector<int64_t> order = random.permutation(static_cast<int64_t>(stratum.size()));
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return stratum[static_cast<size_t>(a)] < stratum[static_cast<size_t>(b)];
  });
  return order;
}

void check(const std::vector<int32_t>& stratum, const AssignmentOptions& options) {
  if (stratum.empty()) throw InputError("assign: there is no sample");
  if (options.groups.empty()) throw InputError("assign: there is no group");
  for (const int32_t s : stratum)
    if (s < 0) throw InputError("assign: strata must not be negative, got {}", s);
  for (const AssignmentGroup& group : options.groups)
    if (group.quota < 1 || group.quota > group.num_annotators)
      throw InputError("assign: a quota must lie between 1 and the {} annotators of the group, got {}",
                       group.num_annotators, group.quota);
  if (!(options.repeat_rate >= 0 && options.repeat_rate <= 1))
    throw InputError("assign: repeat_rate must lie in [0, 1], got {}", options.repeat_rate);
}

}  // namespace

int64_t num_repeats_of(int64_t num_annotations, double repeat_rate) {
  // What is meant to be whole stays whole: 0.1 · 30 is a little below 3.
  return static_cast<int64_t>(std::floor(repeat_rate * static_cast<double>(num_annotations) + 1e-9));
}

Assignment assign(const std::vector<int32_t>& stratum, const AssignmentOptions& options) {
  check(stratum, options);
  const std::vector<int64_t> order = by_stratum(stratum, options.seed.stream("samples").random());
  std::vector<int64_t> sizes(static_cast<size_t>(*std::max_element(stratum.begin(), stratum.end())) + 1);
  for (const int32_t s : stratum) ++sizes[static_cast<size_t>(s)];

  Assignment result;
  std::set<int32_t> small;
  std::vector<std::vector<int32_t>> samples;  // of each annotator
  for (size_t g = 0; g < options.groups.size(); ++g) {
    const AssignmentGroup& group = options.groups[g];
    const size_t first = samples.size();
    samples.resize(first + static_cast<size_t>(group.num_annotators));
    Queue queue(group.num_annotators, options.seed.stream("group").stream(g).random());
    int32_t current = -1;
    for (const int64_t sample : order) {
      const int32_t of = stratum[static_cast<size_t>(sample)];
      if (of != std::exchange(current, of)) queue.begin_stratum();
      for (const int64_t person : queue.take(group.quota))
        samples[first + static_cast<size_t>(person)].push_back(static_cast<int32_t>(sample));
    }
    for (size_t s = 0; s < sizes.size(); ++s)
      if (sizes[s] > 0 && sizes[s] * group.quota < group.num_annotators)
        small.insert(static_cast<int32_t>(s));
  }
  result.small_strata.assign(small.begin(), small.end());

  // Repeats are rounded so that all of them together are rate · annotations, rounded down.
  int64_t asked = 0, repeated = 0;
  for (size_t a = 0; a < samples.size(); ++a) {
    core::Random random = options.seed.stream("order").stream(a).random();
    std::vector<int32_t>& mine = samples[a];
    random.shuffle(mine);
    asked += static_cast<int64_t>(mine.size());
    const int64_t num_repeats = num_repeats_of(asked, options.repeat_rate) - repeated;
    repeated += num_repeats;
    std::vector<int32_t> again(mine.begin(), mine.begin() + num_repeats);
    random.shuffle(again);
    int32_t position = 0;
    for (const int32_t sample : mine) result.rows.push_back({sample, static_cast<int32_t>(a), 1, position++});
    for (const int32_t sample : again)
      result.rows.push_back({sample, static_cast<int32_t>(a), 2, position++});
  }
  return result;
}

}  // namespace lathe::evaluate::subjective
