#include "lathe/nn/zip_check.h"

#include <gtest/gtest.h>

#include "lathe/nn/archive.h"

namespace lathe::nn {
namespace {

std::string archive() {
  data::Schema schema;
  schema.shape = {1, 4, 4};
  schema.classes = {"a", "b"};
  return to_archive(*build(core::Config::parse("kind = 'mlp'\nhidden = [4]"), schema, core::Seed(1)));
}

TEST(ZipCheck, TakesWhatLibtorchWrites) {
  EXPECT_EQ(zip_damage(archive()), std::nullopt);
}

// Weights and code are under checksums; cut anywhere, the directory is gone.
TEST(ZipCheck, FindsDamage) {
  const std::string good = archive();
  for (const char* name : {"archive/data/0", "archive/data.pkl", "archive/code/__torch__.py"}) {
    std::string bad = good;
    const size_t after = bad.find("PK\x07\x08", bad.find(name));
    ASSERT_NE(after, bad.npos) << name;
    bad[after - 1] = static_cast<char>(bad[after - 1] ^ 1);
    EXPECT_EQ(zip_damage(bad), "the content of an entry is damaged") << name;
  }
  for (size_t size = 0; size < good.size(); size += 97) EXPECT_TRUE(zip_damage(good.substr(0, size))) << size;
}

}  // namespace
}  // namespace lathe::nn
