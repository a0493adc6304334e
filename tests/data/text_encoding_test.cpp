#include "lathe/data/text_encoding.h"

#include "lathe/data/batches.h"
#include "lathe/data/inputs.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;
using Texts = std::vector<std::vector<std::string>>;

TEST(TextEncoding, RowsByHand) {
  const TextEncoding encoding({.length = 3}, Texts{{"b b a", "B c"}});
  EXPECT_EQ(encoding.num_tokens(), kNumSpecialWords + 3);
  EXPECT_EQ(encoding.token(4), "b");
  const torch::Tensor rows = encoding.encode({{"a b", "c x b b", ""}});
  EXPECT_TRUE(rows.equal(torch::tensor({{5, 4, 0}, {6, 1, 4}, {0, 0, 0}}, torch::kInt64)));
  const torch::Tensor pairs = encoding.encode({{"a b"}, {"c"}});
  EXPECT_TRUE(pairs.equal(torch::tensor({{5, 4, 0, 6, 0, 0}}, torch::kInt64)));
  EXPECT_TRUE(trim_padding(pairs, 2).equal(torch::tensor({{5, 4, 6, 0}}, torch::kInt64)));
  EXPECT_TRUE(trim_padding(rows, 1).equal(rows));
  EXPECT_EQ(trim_padding(torch::zeros({2, 4}, torch::kInt64), 2).size(1), 2);
  EXPECT_EQ(text_lengths(pairs, 2), std::vector<int64_t>{2});
}

TEST(TextEncoding, KeepsTheMostFrequentAndCase) {
  const TextEncoding encoding({.vocabulary = 1, .lower = false}, Texts{{"B b b", "a"}});
  EXPECT_EQ(encoding.num_tokens(), kNumSpecialWords + 1);
  EXPECT_EQ(encoding.numbers("B b a"), (std::vector<int64_t>{kUnknown, 4, kUnknown}));
  EXPECT_EQ(encoding.length(), 1);  // 99 % of two texts: the shorter
}

// 1 % of the texts are longer than what is kept; never more than 256 tokens.
TEST(TextEncoding, ChoosesItsLength) {
  Texts texts(1);
  for (int i = 0; i < 200; ++i) texts[0].push_back(i == 7 ? "a a a a a a a a a" : "a a a");
  EXPECT_EQ(TextEncoding({}, texts).length(), 3);
  std::string longest;
  for (int i = 0; i < 300; ++i) longest += "a ";
  EXPECT_EQ(TextEncoding({}, Texts{{longest, longest}}).length(), 256);
}

TEST(TextEncoding, JsonRoundTrip) {
  const Texts texts = {{"naïve Straße", "straße 我喜欢 a", "a a \"b\""}};
  for (const char* tokens : {"word", "byte-pair"})
    for (const bool lower : {true, false}) {
      const TextEncoding encoding({.tokens = tokens, .vocabulary = 300, .length = 7, .lower = lower}, texts);
      const TextEncoding again(nlohmann::json::parse(encoding.to_json().dump()));
      EXPECT_EQ(again.to_json(), encoding.to_json());
      EXPECT_EQ(again.num_tokens(), encoding.num_tokens());
      EXPECT_TRUE(again.encode(texts).equal(encoding.encode(texts)));
    }
}

TEST(TextEncoding, RefusesOtherJson) {
  const nlohmann::json good = TextEncoding({.length = 2}, Texts{{"a b"}}).to_json();
  const auto with = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json json = good;
    json[key] = value;
    return json;
  };
  const auto read = [](const nlohmann::json& json) { return TextEncoding(json).num_tokens(); };
  EXPECT_NO_THROW(read(good));
  EXPECT_INPUT_ERROR(read(nlohmann::json::array()), "not an encoding of texts");
  EXPECT_INPUT_ERROR(read(with("tokens", "letters")), "\"word\" or \"byte-pair\"");
  EXPECT_INPUT_ERROR(read(with("tokens", "byte-pair")), "not an encoding of texts");
  EXPECT_INPUT_ERROR(read(with("length", 0)), "1 to 8192 tokens, got 0");
  EXPECT_INPUT_ERROR(read(with("length", 1e9)), "1 to 8192 tokens");
  EXPECT_INPUT_ERROR(read(with("words", {"a", 3})), "not an encoding of texts");
  EXPECT_INPUT_ERROR(read(with("words", {"a", "a"})), "'a' twice");
  EXPECT_INPUT_ERROR(TextEncoding({}, Texts{{"", " "}}), "all 2 training texts are empty");
}

// A word that only the held-out and test texts have is unknown: nothing was learnt from them.
TEST(TextEncoding, IsFittedToTheTrainingPartAlone) {
  Source source;
  source.train.schema.fields = {"text"};
  source.train.schema.classes = {"x", "y"};
  source.train.texts.resize(1);
  source.train.targets = torch::arange(40).remainder(2);
  for (int i = 0; i < 40; ++i) source.train.texts[0].push_back("common own" + std::to_string(i));
  const Splits splits = encode(split(source, {.holdout = 0.25, .test = 0.25}, core::Seed(1)), {});
  ASSERT_EQ(splits.train.size(), 22);
  EXPECT_EQ(splits.train.schema.encoding->num_tokens(), kNumSpecialWords + 1 + 22);
  EXPECT_EQ(splits.train.inputs.eq(kUnknown).sum().item<int64_t>(), 0);
  for (const Dataset* part : {&splits.holdout, &splits.test}) {
    EXPECT_EQ(part->schema.encoding, splits.train.schema.encoding);
    EXPECT_EQ(part->inputs.eq(kUnknown).sum().item<int64_t>(), part->size());
    EXPECT_EQ(part->texts[0].size(), static_cast<size_t>(part->size()));
  }
  // Rows keep their texts.
  const Dataset two = splits.train.select(torch::tensor({3, 0}, torch::kInt64));
  EXPECT_EQ(two.texts[0], (std::vector<std::string>{splits.train.texts[0][3], splits.train.texts[0][0]}));
  EXPECT_TRUE(two.inputs[1].equal(splits.train.inputs[0]));
}

TEST(TextEncoding, SchemaRoundTrip) {
  Schema schema;
  schema.fields = {"question1", "question2"};
  schema.target = "same";
  schema.classes = {"no", "yes"};
  schema.encoding =
      std::make_shared<const TextEncoding>(TextEncodingOptions{.length = 4}, Texts{{"a b"}, {"c"}});
  schema.shape = {8};
  const Schema again = schema_from_json(nlohmann::json::parse(to_json(schema).dump()));
  EXPECT_EQ(to_json(again), to_json(schema));
  EXPECT_TRUE(again.text() && !again.table());
  nlohmann::json wrong = to_json(schema);
  wrong["shape"] = {7};
  EXPECT_INPUT_ERROR(schema_from_json(wrong), "its length for each field, got [7]");
  wrong = to_json(schema);
  wrong.erase("encoding");
  EXPECT_INPUT_ERROR(schema_from_json(wrong), "not a schema of data");
  wrong = to_json(schema);
  wrong["fields"] = {"a", "b", "c"};
  EXPECT_INPUT_ERROR(schema_from_json(wrong), "1 or 2 fields");
}

Dataset texts_of_lengths(const std::vector<int64_t>& lengths) {
  Dataset dataset;
  dataset.schema.fields = {"text"};
  dataset.schema.classes = {"x", "y"};
  dataset.texts.resize(1);
  for (const int64_t length : lengths) {
    std::string& text = dataset.texts[0].emplace_back();
    for (int64_t i = 0; i < length; ++i) text += "w ";
  }
  dataset.targets = torch::zeros({static_cast<int64_t>(lengths.size())}, torch::kInt64);
  return encode(dataset,
                std::make_shared<const TextEncoding>(TextEncodingOptions{.length = 50}, dataset.texts));
}

int64_t padding_of_epoch(const Dataset& dataset, int64_t window) {
  Batches batches(dataset, {.size = 8, .length_window = window, .augment = {}}, core::Seed(3));
  int64_t padding = 0;
  for (int64_t step = 0; step < batches.per_epoch(); ++step)
    padding += batches.at(step).inputs.eq(kPadding).sum().item<int64_t>();
  return padding;
}

// Each example once an epoch, rows trimmed to the longest of their batch, little padding, batches in any
// order.
TEST(TextBatches, AreOfOneLength) {
  core::Random random(5);
  std::vector<int64_t> lengths;
  for (int i = 0; i < 640; ++i) lengths.push_back(1 + random.below(50));
  const Dataset dataset = texts_of_lengths(lengths);
  Batches batches(dataset, {.size = 8, .augment = {}}, core::Seed(3)),
      again(dataset, {.size = 8, .augment = {}}, core::Seed(3));
  std::vector<int64_t> seen, longest;
  for (int64_t step = 0; step < 80; ++step) {
    const Batch batch = batches.at(step);
    for (int64_t i = 0; i < 8; ++i) seen.push_back(batch.indices[i].item<int64_t>());
    longest.push_back(batch.inputs.size(1));
    EXPECT_EQ(batch.inputs.ne(kPadding).sum(1).max().item<int64_t>(), batch.inputs.size(1));
    EXPECT_TRUE(
        batch.inputs.equal(dataset.inputs.index_select(0, batch.indices).slice(1, 0, batch.inputs.size(1))));
  }
  EXPECT_TRUE(again.at(79).indices.equal(batches.at(79).indices));  // whoever asked for what before
  std::sort(seen.begin(), seen.end());
  for (int64_t i = 0; i < 640; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], i);
  EXPECT_FALSE(std::is_sorted(longest.begin(), longest.begin() + 32));
  EXPECT_LT(5 * padding_of_epoch(dataset, 32), padding_of_epoch(dataset, 1));
}

// With windows, the examples that no batch has room for are as any others, not the longest.
TEST(TextBatches, DropAnyExamples) {
  std::vector<int64_t> lengths(19, 1);
  for (size_t i = 0; i < 3; ++i) lengths[i] = 40;
  const Dataset dataset = texts_of_lengths(lengths);
  Batches batches(dataset, {.size = 8, .augment = {}}, core::Seed(9));
  int64_t epochs_with_long = 0;
  for (int64_t epoch = 0; epoch < 20; ++epoch)
    for (int64_t step = 0; step < 2; ++step)
      if (batches.at(2 * epoch + step).inputs.size(1) == 40) {
        ++epochs_with_long;
        break;
      }
  EXPECT_GE(epochs_with_long, 18);
}

class TextInputs : public ::testing::Test {
 protected:
  TextInputs() {
    single.fields = {"text"};
    single.target = "y";
    single.classes = {"no", "yes"};
    single.encoding = std::make_shared<const TextEncoding>(TextEncodingOptions{.length = 2}, Texts{{"a b"}});
    single.shape = {2};
    pair = single;
    pair.fields = {"first", "second"};
    pair.shape = {4};
  }
  fs::path file(const std::string& name, const std::string& text) const {
    save(directory.path() / name, text);
    return directory.path() / name;
  }
  core::TemporaryDirectory directory;
  Schema single, pair;
};

TEST_F(TextInputs, ReadsEveryFormat) {
  const torch::Tensor expected = torch::tensor({{4, 5}, {0, 0}, {5, 0}}, torch::kInt64);
  const Inputs lines = read_inputs({file("t.txt", "a b\r\n\nb\n")}, single);
  EXPECT_TRUE(lines.values.equal(expected));
  EXPECT_EQ(lines.names[2], (directory.path() / "t.txt:3").string());
  const Inputs csv = read_inputs({file("t.csv", "y,text\nyes,\"a b\"\nno,\"\"\nyes,b\n")}, single);
  EXPECT_TRUE(csv.values.equal(expected));
  EXPECT_TRUE(csv.targets.equal(torch::tensor({1, 0, 1}, torch::kInt64)));
  const Inputs jsonl =
      read_inputs({file("t.jsonl", "{\"text\": \"a b\"}\n\n{\"text\": null}\n{\"text\": \"B\"}\n")}, single);
  EXPECT_TRUE(jsonl.values.equal(expected));
  EXPECT_EQ(jsonl.names[1], (directory.path() / "t.jsonl:3").string());
  const Inputs pairs = read_inputs({file("t.tsv", "second\tfirst\nb\t\"a\n")}, pair);
  EXPECT_TRUE(pairs.values.equal(torch::tensor({{1, 4, 5, 0}}, torch::kInt64)));  // the quote is no word's
}

TEST_F(TextInputs, ErrorsSayWhatIsWanted) {
  EXPECT_INPUT_ERROR(read_inputs({file("e.txt", "")}, single), "the file is empty");
  EXPECT_INPUT_ERROR(read_inputs({file("l.txt", "ok\ncaf\xe9\n")}, single), "l.txt:2: not UTF-8");
  EXPECT_INPUT_ERROR(read_inputs({file("p.txt", "a\n")}, pair), "the columns first and second");
  EXPECT_INPUT_ERROR(read_inputs({file("c.csv", "texts\na\n")}, single),
                     "no column 'text'; did you mean 'texts'?");
  EXPECT_INPUT_ERROR(read_inputs({file("i.png", "x")}, single), "this model predicts on texts");
  EXPECT_INPUT_ERROR(text_inputs({{"a"}}, {"a"}, pair), "2 texts at once (first, second), got 1");
}

}  // namespace
}  // namespace lathe::data
