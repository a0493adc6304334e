// TOML and --set overrides, one a line, through every getter; what was read, written out, reads back the
// same.
#include "lathe/core/config.h"
#include "lathe/core/error.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

using core::Config;

// Runs one getter, which may refuse what is written.
template <typename Get>
void attempt(const Get& get) {
  try {
    get();
  } catch (const InputError& refusal) {
    require(std::string(refusal.what()).find('\n') == std::string::npos, "a refusal is one line");
  }
}

constexpr int kMostDepth = 4;

void read_all(const Config& config, int depth) {
  for (const std::string& key : config.keys()) {
    attempt([&] { config.text(key, "none"); });
    attempt([&] { config.choice(key, "cnn", {"cnn", "mlp", "resnet"}); });
    attempt([&] { config.integer(key, 3, core::Range::at_least(1)); });
    attempt([&] { config.number(key, 0.5, core::Range::unit()); });
    attempt([&] { config.number_or_auto(key, core::Range::positive()); });
    attempt([&] { config.flag(key, true); });
    attempt([&] { config.numbers(key, std::vector<double>{0.5, 1}); });
    attempt([&] { config.integers(key, std::vector<int64_t>{}); });
    attempt([&] { config.texts(key, std::vector<std::string>{}); });
    attempt([&] { config.has(key); });
    if (depth == kMostDepth) continue;
    attempt([&] { read_all(config.section(key), depth + 1); });
    attempt([&] {
      for (const Config& element : config.sections(key)) read_all(element, depth + 1);
    });
  }
}

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    result.emplace_back(text.substr(0, end));
    text = end == text.npos ? "" : text.substr(end + 1);
  }
  return result;
}

void read(std::string_view bytes) {
  const auto parts = split(bytes, 2);
  const Config config = Config::parse(parts[0], "fuzz.toml", lines(parts[1]));
  read_all(config, 0);
  const std::string resolved = config.resolved();
  attempt([&] { config.reject_unknown(); });
  const Config again = Config::parse(resolved, "resolved.toml");  // a refusal of our own text is a finding
  read_all(again, 0);
  require(again.resolved() == resolved, "the resolved configuration reads back the same");
}

std::vector<std::string> seeds() {
  return {
      "name = \"p\"\n[data]\nsource = 'idx:idx'\n[train]\nsteps = 80\nlr = 1e-3\naugment = {flip = true, "
      "crop = 4}\n",
      join({"[model]\nkind = \"mlp\"\nhidden = [32, 16]\ndropout = 0.5\n",
            "model.hidden=[8]\nmodel.name=a b\n\"x y\".z=1"}),
      "when = 1979-05-27T07:32:00Z\nbig = 0xff\nlist = [[1], ['a']]\ntext = \"\"\"\nü\\u00e9\n\"\"\"\ninf = "
      "-inf\n",
      "[[stage]]\nname = 'a'\n[[stage]]\nname = 'b'\nlr = \"auto\"\n"};
}

const bool registered = add_target({"config", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
