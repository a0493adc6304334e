#include "lathe/data/npy.h"

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

class Npy : public ::testing::Test {
 protected:
  torch::Tensor read(const std::string& bytes) const {
    save(file, bytes);
    return read_npy(file);
  }
  static std::string with_header(const std::string& header, const std::string& values, char version = 1) {
    std::string length = {static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
    if (version > 1) length += std::string(2, '\0');
    return std::string("\x93NUMPY") + version + '\0' + length + header + values;
  }
  core::TemporaryDirectory directory;
  fs::path file = directory.path() / "a.npy";
};

TEST_F(Npy, RoundTripOfAllTypesAndShapes) {
  for (auto type : {torch::kBool, torch::kUInt8, torch::kInt8, torch::kInt16, torch::kInt32, torch::kInt64,
                    torch::kHalf, torch::kFloat, torch::kDouble})
    for (const std::vector<int64_t>& shape :
         std::vector<std::vector<int64_t>>{{}, {5}, {3, 4}, {2, 0, 3}, {2, 3, 4, 5}}) {
      int64_t count = 1;
      for (int64_t size : shape) count *= size;
      torch::Tensor tensor = (torch::arange(count) % 2).reshape(shape).to(type);
      write_npy(file, tensor);
      EXPECT_EQ((core::read_file(file).find('\n') + 1) % 64, 0u);
      torch::Tensor back = read_npy(file);
      EXPECT_EQ(back.scalar_type(), type);
      EXPECT_TRUE(back.equal(tensor)) << type << tensor.sizes();
    }
}

TEST_F(Npy, StridesDoNotMatter) {
  torch::Tensor tensor = torch::arange(12).reshape({3, 4}).t();
  write_npy(file, tensor);
  EXPECT_TRUE(read_npy(file).equal(tensor));
}

TEST_F(Npy, ReadsFortranOrderAndLaterVersions) {
  const std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}\n";
  torch::Tensor expected = torch::tensor({{0, 2, 4}, {1, 3, 5}}, torch::kUInt8);
  const std::string values = {0, 1, 2, 3, 4, 5};
  for (char version : {1, 2, 3}) EXPECT_TRUE(read(with_header(header, values, version)).equal(expected));
}

TEST_F(Npy, UnsignedIntegersAreWidened) {
  EXPECT_TRUE(
      read(with_header("{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }", {'\xff', '\xff', 1, 0}))
          .equal(torch::tensor({65535, 1}, torch::kInt64)));
  EXPECT_INPUT_ERROR(
      read(with_header("{'descr': '<u8', 'fortran_order': False, 'shape': (), }", std::string(8, '\xff'))),
      "larger than an int64 holds");
}

TEST_F(Npy, Mistakes) {
  auto header = [](const std::string& descr, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }";
  };
  EXPECT_INPUT_ERROR(read("PK\x03\x04 an npz file"), "not a .npy file");
  EXPECT_INPUT_ERROR(read(with_header(header("'|O'", "(1,)"), "x")), "holds Python objects (|O)");
  EXPECT_INPUT_ERROR(read(with_header(header("'>f4'", "(1,)"), "abcd")),
                     "big-endian (>f4); save it as .astype('<f4')");
  EXPECT_INPUT_ERROR(read(with_header(header("'<U4'", "(1,)"), "abcd")), "type <U4 cannot be read");
  EXPECT_INPUT_ERROR(read(with_header(header("[('a', '<f4')]", "(1,)"), "abcd")), "structured arrays");
  EXPECT_INPUT_ERROR(read(with_header(header("'<f4'", "(2,)"), "abcd")),
                     "4 bytes of values follow the header, its shape and type need 8");
  EXPECT_INPUT_ERROR(read(with_header(header("'<f4'", "(1,)"), "abcdefgh")), "8 bytes of values follow");
  EXPECT_INPUT_ERROR(read(with_header(header("'<f4'", "(4294967296, 4294967296)"), "abcd")), "need far more");
  EXPECT_INPUT_ERROR(read(with_header(header("'<f4'", "(4294967296, 4294967296, 0)"), "")), "need far more");
  EXPECT_INPUT_ERROR(read(with_header(header("'<f4'", "(-1,)"), "")), "header is not a dictionary");
  EXPECT_INPUT_ERROR(read(with_header(header("'<f4'", "(99999999999999999999,)"), "")),
                     "header is not a dictionary");
  EXPECT_INPUT_ERROR(read(with_header("{'descr': '<f4'}", "")), "header is not a dictionary");
  EXPECT_INPUT_ERROR(read(std::string("\x93NUMPY\x09\0\0\0", 10)), "version 9 is unknown");
  EXPECT_INPUT_ERROR(read(std::string("\x93NUMPY\x01\0\xff\xff", 10)),
                     "truncated: the header claims 65535 bytes");
}

}  // namespace
}  // namespace lathe::data
