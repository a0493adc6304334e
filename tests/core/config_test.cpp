#include "lathe/core/config.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/seed.h"
#include "tests/support/message.h"

namespace lathe::core {
namespace {

using testing_support::message_of;

template <typename Action>
std::string complaint(const Action& action) {
  return message_of<InputError>(action);
}

std::string parse_complaint(std::string_view toml, const std::vector<std::string>& overrides = {}) {
  return complaint([&] { Config::parse(toml, "p.toml", overrides); });
}

TEST(Config, ReadsEveryType) {
  const Config config = Config::parse(R"(
name = "a \"b\" ü"
steps = 1_000
rate = 1e-3
whole = 3
on = true
widths = [1, 2, 3]
scales = [1, 2.5]
names = ["x", "y"]
[train]
epochs = 7
[train.sam]
rho = 0.05
[[layers]]
width = 1
[[layers]]
width = 2
)");
  EXPECT_EQ(config.text("name"), "a \"b\" ü");
  EXPECT_EQ(config.integer("steps"), 1000);
  EXPECT_EQ(config.number("rate"), 1e-3);
  EXPECT_EQ(config.number("whole"), 3);
  EXPECT_TRUE(config.flag("on"));
  EXPECT_EQ(config.integers("widths"), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(config.numbers("scales"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(config.texts("names"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(config.section("train").integer("epochs"), 7);
  EXPECT_EQ(config.section("train").section("sam").number("rho"), 0.05);
  const auto layers = config.sections("layers");
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[1].integer("width"), 2);
  EXPECT_EQ(layers[0].integer("width"), 1);
  EXPECT_EQ(config.section("train").keys(), (std::vector<std::string>{"epochs", "sam"}));
  EXPECT_NO_THROW(config.reject_unknown());
}

TEST(Config, DefaultsWhereNothingIsWritten) {
  const Config config;
  EXPECT_EQ(config.text("a", "x"), "x");
  EXPECT_EQ(config.integer("b", 3), 3);
  EXPECT_EQ(config.section("s").section("t").number("c", 0.5), 0.5);
  EXPECT_FALSE(config.flag("d", false));
  EXPECT_TRUE(config.numbers("e", std::vector<double>{}).empty());
  EXPECT_TRUE(config.sections("f").empty());
  EXPECT_FALSE(config.has("g"));
  EXPECT_TRUE(config.section("s").keys().empty());
}

TEST(Config, ErrorsSayWhatWhereAndWhatWouldBeRight) {
  const Config config = Config::parse(
      "top = 1\n[train]\nepochs = -3\nrate = 1.5\nname = 7\nlist = [1, \"x\"]\nbig = 2.0\n", "p.toml");
  const Config train = config.section("train");
  EXPECT_EQ(complaint([&] { train.integer("epochs", 1, Range::at_least(1)); }),
            "train.epochs must be an integer at least 1, got -3 (p.toml:3)");
  EXPECT_EQ(complaint([&] { train.integer("epochs", 1, Range::positive()); }),
            "train.epochs must be a positive integer, got -3 (p.toml:3)");
  EXPECT_EQ(complaint([&] { train.number("rate", 1, {.min = 0, .max = 1, .open_max = true}); }),
            "train.rate must be a number in [0, 1), got 1.5 (p.toml:4)");
  EXPECT_EQ(complaint([&] { train.number("rate", 1, {.max = 1, .open_max = true}); }),
            "train.rate must be a number below 1, got 1.5 (p.toml:4)");
  EXPECT_EQ(complaint([&] { train.integer("big"); }), "train.big must be an integer, got 2.0 (p.toml:7)");
  EXPECT_EQ(complaint([&] { train.text("name"); }), "train.name must be a string, got 7 (p.toml:5)");
  EXPECT_EQ(complaint([&] { train.flag("name"); }), "train.name must be true or false, got 7 (p.toml:5)");
  EXPECT_EQ(complaint([&] { train.integers("list"); }),
            "train.list must be an array, each element an integer, got \"x\" in it (p.toml:6)");
  EXPECT_EQ(complaint([&] { train.numbers("rate"); }),
            "train.rate must be an array, each element a number, got 1.5 (p.toml:4)");
  EXPECT_EQ(complaint([&] { train.text("data"); }), "train.data must be set to a string (p.toml:2)");
  EXPECT_EQ(complaint([&] { config.text("data"); }), "data must be set to a string (p.toml)");
  EXPECT_EQ(complaint([&] { config.section("none").text("data"); }),
            "none.data must be set to a string (p.toml)");
  EXPECT_EQ(complaint([&] { config.integer("train"); }), "train must be an integer, got a table (p.toml:2)");
  EXPECT_EQ(complaint([&] { config.section("top"); }), "top must be a table, got 1 (p.toml:1)");
  EXPECT_EQ(complaint([&] { config.sections("train"); }),
            "train must be an array of tables, got a table (p.toml:2)");
  EXPECT_EQ(complaint([&] { train.sections("list"); }),
            "train.list must be an array of tables, got [1, \"x\"] (p.toml:6)");
  EXPECT_EQ(complaint([&] { train.fail("rate", "must be below 1, got 1.5"); }),
            "train.rate must be below 1, got 1.5 (p.toml:4)");
}

TEST(Config, LongValuesAreCutBetweenCodePoints) {
  std::string long_text, shown;
  for (int i = 0; i < 100; ++i) long_text += "ü";
  for (int i = 0; i < 29; ++i) shown += "ü";
  const Config config = Config::parse("a = \"" + long_text + "\"", "p.toml");
  EXPECT_EQ(complaint([&] { config.integer("a"); }),
            "a must be an integer, got a value that begins \"" + shown + "… (p.toml:1)");
}

TEST(Config, RangesIncludeExactlyWhatTheySay) {
  const auto accepts = [](const char* value, Range range) {
    try {
      Config::parse(std::string("x = ") + value).number("x", std::nullopt, range);
      return true;
    } catch (const InputError&) {
      return false;
    }
  };
  EXPECT_TRUE(accepts("0", Range::unit()));
  EXPECT_TRUE(accepts("1", Range::unit()));
  EXPECT_FALSE(accepts("1.0000001", Range::unit()));
  EXPECT_FALSE(accepts("0.0", Range::positive()));
  EXPECT_TRUE(accepts("1e-300", Range::positive()));
  EXPECT_TRUE(accepts("inf", {}));
  EXPECT_FALSE(accepts("nan", {}));
  EXPECT_FALSE(accepts("true", {}));
  EXPECT_FALSE(accepts("1979-05-27", {}));
}

TEST(Config, ChoicesAreListedWithTheNearest) {
  const Config config = Config::parse("a = \"adam\"\nb = \"zzz\"\nc = 3\nd = \"sgd\"", "p.toml");
  const std::vector<std::string> choices = {"sgd", "adamw"};
  EXPECT_EQ(complaint([&] { config.choice("a", "sgd", choices); }),
            "a must be one of sgd, adamw, got \"adam\", did you mean adamw? (p.toml:1)");
  EXPECT_EQ(complaint([&] { config.choice("b", "sgd", choices); }),
            "b must be one of sgd, adamw, got \"zzz\" (p.toml:2)");
  EXPECT_EQ(complaint([&] { config.choice("c", "sgd", choices); }),
            "c must be one of sgd, adamw, got 3 (p.toml:3)");
  EXPECT_EQ(complaint([&] { config.choice("e", std::nullopt, choices); }),
            "e must be set to one of sgd, adamw (p.toml)");
  EXPECT_EQ(config.choice("d", "adamw", choices), "sgd");
  EXPECT_EQ(config.choice("f", "adamw", choices), "adamw");
}

TEST(Config, BrokenFilesGiveOneLine) {
  EXPECT_EQ(parse_complaint("a = 1\nb = 2\nc = = 3\n").rfind("p.toml:3: ", 0), 0u);
  const std::string twice = parse_complaint("a = 1\na = 2\n");
  EXPECT_EQ(twice.rfind("p.toml:2: ", 0), 0u);
  EXPECT_NE(twice.find("'a'"), std::string::npos) << twice;
  for (const char* broken :
       {"[a", "a = \"x", "\xff\xfe", "a.b = 1\na = 2", "[t]\n[t]", "x = [1, 2", "= 3", "a = 1 b = 2"}) {
    const std::string message = parse_complaint(broken);
    EXPECT_EQ(message.rfind("p.toml:", 0), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  const TemporaryDirectory directory;
  const std::string missing = (directory.path() / "missing.toml").string();
  EXPECT_EQ(complaint([&] { Config::load(missing); }),
            "cannot read " + missing + ": No such file or directory");
  EXPECT_EQ(complaint([&] { Config::load(directory.path()); }),
            "cannot read " + directory.path().string() + ": Is a directory");
  write_file(directory.path() / "p.toml", "a = 1\nb = oops\n");
  EXPECT_EQ(complaint([&] {
              Config::load(directory.path() / "p.toml");
            }).rfind((directory.path() / "p.toml").string() + ":2: ", 0),
            0u);
}

TEST(Config, GarbageNeverDoesMoreThanComplain) {
  Random random(11);
  const std::string alphabet = "ab=.[]{}\"'\\#\n 1-e,_\t\x01\xc3";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int64_t length = random.below(24); length > 0; --length)
      text += alphabet[static_cast<size_t>(random.below(static_cast<int64_t>(alphabet.size())))];
    try {
      const Config config = Config::parse(text, "p", {text});
      config.integer("a", 1);
      config.section("b").text("a", "x");
      const std::string resolved = config.resolved();
      EXPECT_EQ(Config::parse(resolved).section("b").text("a"), config.section("b").text("a", "x"));
      config.reject_unknown();
    } catch (const InputError& error) {
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << text << "\n" << error.what();
    }
  }
}

TEST(Config, OverridesReplaceAndCreate) {
  const Config config =
      Config::parse("[train]\nepochs = 10\nlist = [1, 2]\n[data]\nsource = \"mnist\"\n", "p.toml",
                    {"train.epochs=3", "data.source=fashion-mnist", "train.list=[4]", "optim.sam.rho=0.1",
                     "optim.name=\"quoted\"", "train.on=true", "data.path=a=b",
                     "data.empty=", "train.extra={deep={x=1}}", "train.epochs=4"});
  EXPECT_EQ(config.section("train").integer("epochs"), 4);
  EXPECT_EQ(config.section("train").integers("list"), std::vector<int64_t>{4});
  EXPECT_TRUE(config.section("train").flag("on"));
  EXPECT_EQ(config.section("train").section("extra").section("deep").integer("x"), 1);
  EXPECT_EQ(config.section("data").text("source"), "fashion-mnist");
  EXPECT_EQ(config.section("data").text("path"), "a=b");
  EXPECT_EQ(config.section("data").text("empty"), "");
  EXPECT_EQ(config.section("optim").section("sam").number("rho"), 0.1);
  EXPECT_EQ(config.section("optim").text("name"), "quoted");
  EXPECT_NO_THROW(config.reject_unknown());
}

TEST(Config, ErrorsInOverridesNameTheOverride) {
  const Config config = Config::parse("[train]\nepochs = 1\n[optim]\nlr = 3\n", "p.toml",
                                      {"train.epochs=x", "optim.lrr=3", "sam.rho=2"});
  EXPECT_EQ(complaint([&] { config.section("train").integer("epochs"); }),
            "train.epochs must be an integer, got \"x\" (--set train.epochs=x)");
  EXPECT_EQ(complaint([&] { config.section("sam").number("rho", 1, Range::unit()); }),
            "sam.rho must be a number in [0, 1], got 2 (--set sam.rho=2)");
  config.section("optim").number("lr");
  EXPECT_EQ(complaint([&] { config.reject_unknown(); }),
            "unknown key optim.lrr, did you mean optim.lr? (--set optim.lrr=3)");
  EXPECT_EQ(parse_complaint("a = 1", {"a.b=2"}), "a is 1 and has no keys to set (--set a.b=2)");
  EXPECT_EQ(parse_complaint("", {"epochs"}), "--set needs KEY=VALUE, got \"epochs\"");
  EXPECT_EQ(parse_complaint("", {"=3"}), "--set needs KEY=VALUE with a key such as train.epochs, got \"=3\"");
  EXPECT_EQ(parse_complaint("", {"a b=3"}),
            "--set needs KEY=VALUE with a key such as train.epochs, got \"a b=3\"");
}

TEST(Config, UnknownKeysAreReportedWithTheNearest) {
  const auto read = [](const char* toml) {
    const Config config = Config::parse(toml, "p.toml");
    const Config train = config.section("train");
    train.integer("epochs", 1);
    train.integer("batch_size", 1);
    config.section("optim").number("learning_rate", 1);
    for (const Config& layer : config.sections("layers")) layer.integer("width", 1);
    return complaint([&] { config.reject_unknown(); });
  };
  EXPECT_EQ(read("[train]\nepoch = 1"), "unknown key train.epoch, did you mean train.epochs? (p.toml:2)");
  EXPECT_EQ(read("[train]\nlearning_rate = 1"),
            "unknown key train.learning_rate, did you mean optim.learning_rate? (p.toml:2)");
  EXPECT_EQ(read("[train]\nxyzzy = 1"), "unknown key train.xyzzy; known here: batch_size, epochs (p.toml:2)");
  EXPECT_EQ(read("[trian]\nepochs = 1\nother = 2\n[trian.deep]\nx = 1"),
            "unknown table trian, did you mean train? (p.toml:1)");
  EXPECT_EQ(read("[[layers]]\nwidth = 1\n[[layers]]\nwdith = 1"),
            "unknown key layers[1].wdith, did you mean layers[1].width? (p.toml:4)");
  EXPECT_EQ(read("[train]\nzzzzz = 1\n[a]\nb = 1"),
            "unknown key train.zzzzz; known here: batch_size, epochs (p.toml:2)");
}

TEST(Config, HasIsAReadOfAValueButNotOfATablesKeys) {
  const Config config = Config::parse("a = 1\nb = []\n[sam]\nrho = 1\n", "p.toml");
  EXPECT_TRUE(config.has("a"));
  EXPECT_TRUE(config.has("b"));
  EXPECT_TRUE(config.has("sam"));
  EXPECT_FALSE(config.has("other"));
  EXPECT_EQ(complaint([&] { config.reject_unknown(); }),
            "unknown table sam, nothing reads it here (p.toml:3)");
  EXPECT_EQ(config.resolved(), "a = 1\nb = []\n");
  config.section("sam").number("rho");
  EXPECT_NO_THROW(config.reject_unknown());
}

TEST(Config, ResolvedWritesEveryDefaultSorted) {
  const Config config =
      Config::parse("z = 1\n[train]\nepochs = 3\n[flags]\n[[layers]]\nwidth = 2\n[[layers]]");
  config.integer("z");
  config.number("a", 1);
  config.section("train").integer("epochs");
  config.section("train").section("sam").number("rho", 0.05);
  config.section("train").section("never").section("read");
  config.section("flags");
  for (const Config& layer : config.sections("layers")) layer.integer("width", 8);
  EXPECT_EQ(config.resolved(),
            "a = 1.0\nz = 1\n\n[flags]\n\n[train]\nepochs = 3\n\n[train.sam]\nrho = "
            "0.05\n\n[[layers]]\nwidth = 2\n\n"
            "[[layers]]\nwidth = 8\n");
  EXPECT_EQ(config.section("train").resolved(), "epochs = 3\n\n[sam]\nrho = 0.05\n");
}

TEST(Config, ResolvedReadsBackToTheSameBits) {
  Random random(5);
  const std::string nasty = "quote \" backslash \\ tab \t newline \n bell \a del \x7f ü 😀 # ] =";
  std::vector<double> doubles = {0,   -0.0,     1,        -3, 1e16, 1e22, 5e-324, 1.7976931348623157e308,
                                 0.1, INFINITY, -INFINITY};
  for (int i = 0; i < 1000; ++i) doubles.push_back(random.normal() * std::pow(10, random.uniform(-300, 300)));
  const std::vector<int64_t> integers = {0, -1, INT64_MAX, INT64_MIN};
  const auto read = [&](const Config& config, bool defaults) {
    const auto maybe = [&](auto value) { return defaults ? std::optional(value) : std::nullopt; };
    const Config odd = config.section("a.b").section("ü \"x\"").section("");
    EXPECT_EQ(odd.text("key = [", maybe(nasty)), nasty);
    EXPECT_EQ(odd.texts("texts", maybe(std::vector<std::string>{nasty, ""})),
              (std::vector<std::string>{nasty, ""}));
    EXPECT_EQ(config.integers("integers", maybe(integers)), integers);
    const std::vector<double> back = config.numbers("doubles", maybe(doubles));
    ASSERT_EQ(back.size(), doubles.size());
    for (size_t i = 0; i < back.size(); ++i) {
      EXPECT_EQ(back[i], doubles[i]);
      EXPECT_EQ(std::signbit(back[i]), std::signbit(doubles[i]));
      EXPECT_EQ(config.section("d").number(std::to_string(i), maybe(doubles[i])), doubles[i]);
    }
    EXPECT_TRUE(config.flag("flag", maybe(true)));
  };
  const Config first;
  read(first, true);
  const Config second = Config::parse(first.resolved());
  read(second, false);
  EXPECT_NO_THROW(second.reject_unknown());
  EXPECT_TRUE(second.resolved() == first.resolved());
}

TEST(Config, CopiesShareTheirReads) {
  const Config config = Config::parse("[a]\nb = 1");
  const Config copy = config;
  copy.section("a").integer("b");
  EXPECT_NO_THROW(config.reject_unknown());
  EXPECT_EQ(config.section("a").resolved(), "b = 1\n");
}

}  // namespace
}  // namespace lathe::core
