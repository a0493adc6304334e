#include "lathe/data/opinions.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/data/wordnet_graph.h"

namespace lathe::data {
namespace {

constexpr double kInsultScore = 2, kBaseScore = -0.5, kTopicSpread = 0.6;
constexpr int64_t kFirstTopicFile = 3;  // lexnames(5WN): nouns and verbs

std::vector<double> normals(core::Random& random, int64_t count, double scale) {
  std::vector<double> values(static_cast<size_t>(count));
  for (double& value : values) value = scale * random.normal();
  return values;
}

// `count` of 0 … n - 1, ascending (Floyd's algorithm: Bentley & Floyd 1987).
std::vector<int64_t> draw_distinct(int64_t count, int64_t n, core::Random& random) {
  std::vector<int64_t> drawn;
  for (int64_t last = n - count; last < n; ++last) {
    const int64_t one = random.below(last + 1);
    const bool taken = std::find(drawn.begin(), drawn.end(), one) != drawn.end();
    drawn.push_back(taken ? last : one);
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::vector<double> unit_vector(core::Random& random, int64_t size, double length) {
  std::vector<double> values = normals(random, size, 1);
  const double norm = std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
  for (double& value : values) value *= length / norm;
  return values;
}

void check_share(const char* name, double share) {
  if (!(share >= 0 && share <= 1)) throw InputError("opinions: {} must lie in [0, 1], got {}", name, share);
}

void check(const OpinionOptions& o) {
  for (const auto& [name, count] : {std::pair("num_items", o.num_items),
                                    {"num_annotators", o.num_annotators},
                                    {"num_features", o.num_features},
                                    {"annotations_per_item", o.annotations_per_item}})
    if (count < 1) throw InputError("opinions: {} must be positive, got {}", name, count);
  if (o.annotations_per_item > o.num_annotators)
    throw InputError("opinions: {} annotations of each item need as many annotators, got {}",
                     o.annotations_per_item, o.num_annotators);
  double sum = 0;
  for (const double share : o.groups) {
    check_share("a group's share", share);
    sum += share;
  }
  if (!(std::abs(sum - 1) < 1e-6))
    throw InputError("opinions: the groups' shares must sum to 1, got {:.6g}", sum);
  check_share("insults", o.insults);
  check_share("noise_people", o.noise_people);
  check_share("unknown_attributes", o.unknown_attributes);
  check_share("repeat_rate", o.repeat_rate);
  for (const auto& [name, value] : {std::pair("group_strength", o.group_strength),
                                    {"person_strength", o.person_strength},
                                    {"threshold", o.threshold},
                                    {"sharpness", o.sharpness},
                                    {"ambiguity", o.ambiguity}})
    if (!(value >= 0 && std::isfinite(value)))
      throw InputError("opinions: {} must not be negative, got {}", name, value);
}

// Whole people in the groups' shares (the rounded ends of the intervals that the shares cut), in random
// order.
std::vector<int32_t> draw_groups(const OpinionOptions& options, core::Random& random) {
  std::vector<int32_t> group;
  double sum = 0;
  for (size_t g = 0; g < options.groups.size(); ++g) {
    sum += options.groups[g];
    const auto end = g + 1 == options.groups.size()
                         ? options.num_annotators
                         : std::llround(sum * static_cast<double>(options.num_annotators));
    group.resize(static_cast<size_t>(end), static_cast<int32_t>(g));
  }
  random.shuffle(group);
  return group;
}

// What the items are, and what everybody, each group and each person adds to their scores, as directions in a
// space of `size` numbers an item: features, or the topic as a vector of zeros and a one.
struct World {
  int64_t size = 0;
  std::vector<double> common;  // score of each item, everybody's part
  std::function<double(int64_t item, const std::vector<double>& direction)> project;
  std::function<std::vector<double>(core::Random& random)> draw_group;  // direction of all but the first
};

World feature_world(const OpinionOptions& options, core::Seed seed, Annotations& table) {
  core::Random random = seed.stream("features").random();
  table.features.resize(static_cast<size_t>(options.num_items * options.num_features));
  for (float& feature : table.features) feature = static_cast<float>(random.normal());
  core::Random of_direction = seed.stream("direction").random();
  const std::vector<double> common = unit_vector(of_direction, options.num_features, 1);
  World world{.size = options.num_features};
  world.draw_group = [options](core::Random& of_group) {
    return unit_vector(of_group, options.num_features, options.group_strength);
  };
  world.project = [features = table.features, size = options.num_features](
                      int64_t item, const std::vector<double>& direction) {
    return std::inner_product(direction.begin(), direction.end(), features.begin() + item * size, 0.0);
  };
  for (int64_t item = 0; item < options.num_items; ++item)
    world.common.push_back(world.project(item, common));
  for (int64_t item = 0; item < options.num_items; ++item) table.items.push_back(fmt::format("i{}", item));
  return world;
}

bool is_insult(const WordNet& wordnet, const Synset& synset) {
  static const std::vector<std::string_view> kUsages = {"disparagement", "ethnic_slur", "vulgarism", "slang",
                                                        "obscenity",     "derogation",  "abuse"};
  return std::any_of(synset.pointers.begin(), synset.pointers.end(), [&](const SynsetPointer& pointer) {
    if (pointer.symbol != ";u") return false;
    const auto& words = wordnet.synsets()[static_cast<size_t>(pointer.target)].words;
    return std::any_of(words.begin(), words.end(), [](std::string_view word) {
      return std::find(kUsages.begin(), kUsages.end(), word) != kUsages.end();
    });
  });
}

World text_world(const OpinionOptions& options, core::Seed seed, Annotations& table) {
  const WordNet& wordnet = installed_wordnet();
  std::vector<const Synset*> insults, others;
  for (const Synset& synset : wordnet.synsets()) {
    const int64_t topic = synset.lexicographer_file - kFirstTopicFile;
    if (topic < 0 || topic >= kNumSupersenses || split_gloss(synset.gloss).definition.empty()) continue;
    (is_insult(wordnet, synset) ? insults : others).push_back(&synset);
  }
  core::Random random = seed.stream("texts").random();
  random.shuffle(insults);
  random.shuffle(others);
  const auto wanted =
      static_cast<size_t>(std::llround(options.insults * static_cast<double>(options.num_items)));
  insults.resize(std::min(insults.size(), wanted));
  const size_t num_others = static_cast<size_t>(options.num_items) - insults.size();
  if (num_others > others.size())
    throw InputError("opinions: WordNet has {} texts, got num_items = {}", insults.size() + others.size(),
                     options.num_items);
  std::vector<std::pair<const Synset*, bool>> chosen;
  for (const Synset* synset : insults) chosen.emplace_back(synset, true);
  for (size_t i = 0; i < num_others; ++i) chosen.emplace_back(others[i], false);
  random.shuffle(chosen);

  core::Random of_topics = seed.stream("direction").random();
  const std::vector<double> of_topic = normals(of_topics, kNumSupersenses, kTopicSpread);
  Attribute topics{.name = "topic", .values = {}, .codes = {}};
  for (int64_t sense = 0; sense < kNumSupersenses; ++sense) topics.values.push_back(supersense_name(sense));
  World world{.size = kNumSupersenses};
  world.draw_group = [strength = options.group_strength](core::Random& of_group) {
    return normals(of_group, kNumSupersenses, strength);
  };
  for (const auto& [synset, insult] : chosen) {
    const int64_t topic = synset->lexicographer_file - kFirstTopicFile;
    topics.codes.push_back(static_cast<int32_t>(topic));
    table.items.push_back(fmt::format("t{}", table.items.size()));
    table.texts.push_back(split_gloss(synset->gloss).definition);
    world.common.push_back((insult ? kInsultScore : 0) + kBaseScore + of_topic[static_cast<size_t>(topic)]);
  }
  world.project = [codes = topics.codes](int64_t item, const std::vector<double>& direction) {
    return direction[static_cast<size_t>(codes[static_cast<size_t>(item)])];
  };
  table.item_attributes.push_back(std::move(topics));
  return world;
}

struct Person {
  std::vector<double> direction;  // beside everybody's
  double threshold = 0;
  bool noise = false;
};

double probability_of_yes(double score, double ambiguity) {
  return ambiguity == 0 ? static_cast<double>(score > 0) : 1 / (1 + std::exp(-score / ambiguity));
}

Attribute ambiguity_of(const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return std::abs(scores[a]) > std::abs(scores[b]); });
  Attribute attribute{.name = "ambiguity", .values = {"low", "medium", "high"}, .codes = {}};
  attribute.codes.resize(scores.size());
  for (size_t rank = 0; rank < order.size(); ++rank)
    attribute.codes[order[rank]] = static_cast<int32_t>(3 * rank / order.size());
  return attribute;
}

std::vector<Attribute> annotator_attributes(const OpinionOptions& options, const std::vector<int32_t>& group,
                                            core::Random& random) {
  Attribute groups{.name = "group", .values = {}, .codes = group};
  for (size_t g = 0; g < options.groups.size(); ++g) groups.values.push_back(fmt::format("g{}", g));
  Attribute age{.name = "age", .values = {"18-29", "30-49", "50+"}, .codes = {}};
  for (size_t a = 0; a < group.size(); ++a) {
    age.codes.push_back(static_cast<int32_t>(random.below(3)));
    if (random.uniform() < options.unknown_attributes) age.codes[a] = groups.codes[a] = -1;
  }
  return {groups, age};
}

}  // namespace

OpinionOptions one_opinion(OpinionOptions options) {
  options.group_strength = options.person_strength = options.threshold = 0;
  return options;
}

Opinions generate_opinions(const OpinionOptions& options, core::Seed seed) {
  check(options);
  Opinions opinions;
  Annotations& table = opinions.annotations;
  table.scale.classes = {"no", "yes"};
  const World world = options.items == OpinionItems::features ? feature_world(options, seed, table)
                                                              : text_world(options, seed, table);
  table.item_attributes.push_back(ambiguity_of(world.common));

  core::Random of_groups = seed.stream("groups").random();
  opinions.group = draw_groups(options, of_groups);
  table.annotator_attributes = annotator_attributes(options, opinions.group, of_groups);
  std::vector<std::vector<double>> of_group;
  for (size_t g = 0; g < options.groups.size(); ++g) {
    core::Random random = seed.stream("group").stream(g).random();
    of_group.push_back(g == 0 ? std::vector<double>(static_cast<size_t>(world.size), 0.0)
                              : world.draw_group(random));
  }
  std::vector<Person> people;
  for (int64_t a = 0; a < options.num_annotators; ++a) {
    core::Random random = seed.stream("person").stream(static_cast<uint64_t>(a)).random();
    Person& person = people.emplace_back();
    person.direction = normals(random, world.size, options.person_strength);
    const auto& group = of_group[static_cast<size_t>(opinions.group[static_cast<size_t>(a)])];
    for (size_t i = 0; i < group.size(); ++i) person.direction[i] += group[i];
    person.threshold = options.threshold * random.normal();
    person.noise = random.uniform() < options.noise_people;
    table.annotators.push_back(fmt::format("a{}", a));
  }

  for (int64_t item = 0; item < options.num_items; ++item) {
    core::Random random = seed.stream("labels").stream(static_cast<uint64_t>(item)).random();
    for (const int64_t a : draw_distinct(options.annotations_per_item, options.num_annotators, random)) {
      const Person& person = people[static_cast<size_t>(a)];
      const double score = options.sharpness * (world.common[static_cast<size_t>(item)] +
                                                world.project(item, person.direction) + person.threshold);
      const double probability = person.noise ? 0.5 : probability_of_yes(score, options.ambiguity);
      const int64_t times = random.uniform() < options.repeat_rate ? 2 : 1;
      for (int64_t pass = 0; pass < times; ++pass) {
        table.item.push_back(static_cast<int32_t>(item));
        table.annotator.push_back(static_cast<int32_t>(a));
        table.label.push_back(random.uniform() < probability ? 1 : 0);
        opinions.probability.push_back(static_cast<float>(probability));
      }
    }
  }
  table = in_order(std::move(table));
  return opinions;
}

}  // namespace lathe::data
