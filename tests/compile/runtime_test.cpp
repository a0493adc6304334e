// The C runtime: what it refuses to load, and that sessions and threads do not disturb each other.
#include <atomic>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "lathe/core/error.h"
#include "tests/compile/compiled.h"

extern "C" {
#include "lathe/runtime/lathe_runtime.h"
#include "lathe/runtime/plan.h"
#include "lathe/runtime/pool.h"
}

namespace lathe::compile {
namespace {

namespace fs = std::filesystem;

Graph small_network() {
  Graph g;
  using Integers = std::vector<int64_t>;
  torch::manual_seed(3);
  const ValueId x = g.add_input("image", {DType::f32, {1, 16, 20, 20}});
  ValueId y = x;
  for (int layer = 0; layer < 3; ++layer)
    y = g.add("relu", {g.add("conv", {y, g.add_constant(torch::randn({16, 16, 3, 3}) * 0.1)},
                             {{"stride", Integers{1, 1}},
                              {"padding", Integers(4, 1)},
                              {"dilation", Integers{1, 1}},
                              {"groups", int64_t{1}}})});
  y = g.add("reshape", {g.add("adaptive_avg_pool", {y}, {{"output_size", Integers{1, 1}}})},
            {{"shape", Integers{1, 16}}});
  g.outputs = {g.add("linear", {y, g.add_constant(torch::randn({10, 16}))})};
  g.value(g.outputs[0]).name = "logits";
  return g;
}

class Runtime : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new core::TemporaryDirectory();
    compile(small_network(), directory_->path() / "whole");
  }
  static void TearDownTestSuite() { delete directory_; }
  static fs::path whole() { return directory_->path() / "whole"; }
  fs::path copy(const std::string& name) {
    const fs::path to = directory_->path() / name;
    fs::remove_all(to);
    fs::copy(whole(), to);
    return to;
  }
  static std::string refusal(const fs::path& directory) {
    lathe_module* module = lathe_load(directory.c_str());
    if (!module) return lathe_last_error();
    lathe_session_free(lathe_session_new(module, 2));  // cuts operations into pieces
    lathe_unload(module);
    return "";
  }
  static core::TemporaryDirectory* directory_;
};
core::TemporaryDirectory* Runtime::directory_ = nullptr;

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

TEST_F(Runtime, LoadsAndDescribes) {
  lathe_module* module = lathe_load(whole().c_str());
  ASSERT_NE(module, nullptr) << lathe_last_error();
  EXPECT_STREQ(lathe_input_info(module, 0)->name, "image");
  EXPECT_STREQ(lathe_output_info(module, 0)->name, "logits");
  EXPECT_EQ(lathe_input_info(module, 0)->bytes, 16u * 400 * 4);
  EXPECT_EQ(lathe_find_input(module, "image"), 0);
  EXPECT_EQ(lathe_find_input(module, "picture"), -1);
  EXPECT_STREQ(lathe_last_error(), "the module has no input picture");
  EXPECT_EQ(lathe_input_info(module, 1), nullptr);
  lathe_session* session = lathe_session_new(module, 1);
  EXPECT_EQ(lathe_input(session, 3), nullptr);
  lathe_session_free(session);
  lathe_unload(module);
}

TEST_F(Runtime, RefusesDamagedFiles) {
  EXPECT_NE(refusal("/nowhere").find("cannot open /nowhere/plan.bin"), std::string::npos);
  for (const char* name : {"plan.bin", "params.bin", "module.so"}) {
    const std::string bytes = core::read_file(whole() / name);
    for (const size_t keep : {size_t{0}, size_t{1}, bytes.size() / 2, bytes.size() - 1}) {
      const fs::path damaged = copy("damaged");
      write(damaged / name, bytes.substr(0, keep));
      const std::string text = refusal(damaged);
      EXPECT_NE(text.find(name), std::string::npos) << keep << ": " << text;
      EXPECT_EQ(text.find('\n'), std::string::npos);
    }
    for (size_t i = 0; i < 40; ++i) {
      std::string altered = bytes;
      altered[i * (bytes.size() - 1) / 39] ^= 0x41;
      const fs::path damaged = copy("damaged");
      write(damaged / name, altered);
      EXPECT_NE(refusal(damaged), "") << name << " " << i;
    }
    fs::remove(copy("damaged") / name);
    EXPECT_NE(refusal(directory_->path() / "damaged").find("cannot open"), std::string::npos);
  }
}

// A plan with a right checksum and wrong contents: what somebody else wrote.
TEST_F(Runtime, RefusesPlansThatReachBeyondTheirMemory) {
  const std::string plan = core::read_file(whole() / "plan.bin");
  const auto altered = [&](const std::function<void(std::string&)>& change) {
    std::string bytes = plan.substr(0, plan.size() - 8);
    change(bytes);
    const uint64_t hash = lathe_xxhash64(bytes.data(), bytes.size(), 0);
    bytes.append(reinterpret_cast<const char*>(&hash), 8);
    const fs::path directory = copy("altered");
    write(directory / "plan.bin", bytes);
    return refusal(directory);
  };
  EXPECT_EQ(altered([](std::string&) {}), "");
  EXPECT_NE(altered([](std::string& b) { b[8] = 77; }).find("version"), std::string::npos);
  EXPECT_NE(altered([](std::string& b) {
              reinterpret_cast<lathe_plan_header*>(b.data())->arena_bytes = 64;
            }).find("beyond"),
            std::string::npos);
  EXPECT_NE(altered([](std::string& b) {
              reinterpret_cast<lathe_plan_tensor*>(b.data() + sizeof(lathe_plan_header))->element_bytes = 8;
            }).find("a tensor"),
            std::string::npos);
  // Every single word of the plan set to something large is refused or harmless, and never crashes.
  for (size_t at = 12; at + 4 <= plan.size() - 8; at += 4)
    for (const uint32_t value : {0u, 0x7fffffffu, 0xffffffffu})
      altered([&](std::string& b) { std::memcpy(b.data() + at, &value, 4); });
}

TEST_F(Runtime, SessionsOfTwoThreadsGiveTheSame) {
  torch::manual_seed(5);
  const torch::Tensor image = torch::randn({1, 16, 20, 20});
  CompiledModel alone(whole(), 1);
  const torch::Tensor expected = alone({image})[0];
  std::vector<std::thread> threads;
  std::atomic<int> different{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      CompiledModel model(whole(), 2);
      for (int i = 0; i < 50; ++i) different += !torch::equal(model({image})[0], expected);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
}

TEST_F(Runtime, SaysWhatInputsItWants) {
  CompiledModel model(whole());
  const auto message = [&](const std::vector<torch::Tensor>& inputs) -> std::string {
    try {
      model(inputs);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({}), "the module takes 1 inputs, got 0");
  EXPECT_EQ(message({torch::zeros({1, 16, 20, 21})}),
            "input image must be f32[1,16,20,20], got f32[1,16,20,21]");
  EXPECT_EQ(message({torch::zeros({1, 16, 20, 20}, torch::kDouble)}),
            "input image must be f32[1,16,20,20], got f64[1,16,20,20]");
}

TEST_F(Runtime, TheSameTwiceGivesTheSameFiles) {
  compile(small_network(), directory_->path() / "again");
  for (const char* name : {"plan.bin", "params.bin", "module.so", "graph.json"})
    EXPECT_EQ(core::read_file(whole() / name), core::read_file(directory_->path() / "again" / name)) << name;
}

TEST(Pool, EveryPieceOnce) {
  for (int threads : {1, 2, 5}) {
    lathe_pool* pool = lathe_pool_new(threads);
    for (int round = 0; round < 3000; ++round) {
      struct Count {
        std::atomic<int> pieces[17];
      } count{};
      const int pieces = 1 + round % 17;
      lathe_pool_run(
          pool, pieces, [](void* context, int piece) { ++static_cast<Count*>(context)->pieces[piece]; },
          &count);
      for (int i = 0; i < 17; ++i) ASSERT_EQ(count.pieces[i], i < pieces ? 1 : 0) << threads << " " << round;
    }
    lathe_pool_free(pool);
  }
}

// Published test values of XXH64.
TEST(Xxhash, KnownValues) {
  EXPECT_EQ(lathe_xxhash64("", 0, 0), 0xEF46DB3751D8E999u);
  EXPECT_EQ(lathe_xxhash64("a", 1, 0), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(lathe_xxhash64("abc", 3, 0), 0x44BC2CF5AD770999u);
}

}  // namespace
}  // namespace lathe::compile
