#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::compile {

enum class Isa { sse41, avx2, avx512, vnni };

// What code is made for. Everything that depends on the machine asks this.
struct Target {
  std::string name;  // "x86-64-avx2"
  Isa isa = Isa::avx2;
  int64_t l1_bytes = 32 << 10, l2_bytes = 512 << 10;  // of one core
  int vector_floats() const;                          // f32 lanes of a register: 4, 8, 16
  int vector_registers() const;                       // 16 or 32
};

// "host" or a name of targets(). Throws InputError with the list.
Target target(std::string_view name);
std::vector<std::string> targets();
bool runs_here(const Target&);  // this CPU has the target's instructions

}  // namespace lathe::compile
