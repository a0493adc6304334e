#pragma once
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <map>
#include <memory>
#include <set>

#include "lathe/compile/builder.h"

// TorchScript, run on types: internal to lathe/compile/import_torch.cpp and lathe/compile/torch/.
namespace lathe::compile::torchscript {

// A tensor whose values are not known before the graph runs. Every name that the program has for it shares
// the cell, so that an in-place operator changes it for all of them.
struct Cell {
  ValueId id = -1;
  bool is_view = false, has_views = false;  // shares memory with another tensor: must not change in place
};

struct Variable;
// A list or tuple that holds such tensors, or a list of tensors (which may get some).
struct Sequence {
  std::vector<Variable> items;
  bool is_tuple = false;
};

// What a name of the program stands for: something known (`known`), a cell, or a sequence.
struct Variable {
  c10::IValue known;
  std::shared_ptr<Cell> cell;
  std::shared_ptr<Sequence> sequence;
  bool symbolic() const;  // holds a cell somewhere
};

struct Unsupported {
  int count = 0;
  std::set<std::string> places;
};

class Interpreter;

// One call of an operator, its arguments by their names in the operator's schema.
class Call {
 public:
  Call(Interpreter& interpreter, torch::jit::Node& node, std::vector<Variable> arguments);
  const torch::jit::Node& node() const { return node_; }
  std::string name() const;  // "aten::conv2d"
  Builder& builder() const;
  const std::vector<Variable>& arguments() const { return arguments_; }

  bool has(const char* argument) const;  // is in the schema and not None
  const Variable& variable(const char* argument) const;
  ValueId tensor(const char* argument) const;  // a constant where the tensor is known
  std::vector<ValueId> tensors(const char* argument) const;
  int64_t integer(const char* argument) const;
  int64_t integer(const char* argument, int64_t otherwise) const;
  double number(const char* argument) const;
  double number(const char* argument, double otherwise) const;
  bool flag(const char* argument, bool otherwise) const;
  std::string text(const char* argument, const std::string& otherwise) const;
  // A list, or one number `count` times; an empty list where it is None.
  std::vector<int64_t> integers(const char* argument, size_t count = 1) const;
  int64_t axis(const char* argument, int64_t rank) const;

 private:
  size_t position(const char* argument) const;  // -1: not in the schema
  Interpreter& interpreter_;
  torch::jit::Node& node_;
  std::vector<Variable> arguments_;
};

// Makes the operator's results. Throws InputError for what the compiler cannot do.
using Handler = std::vector<ValueId> (*)(const Call& call);

struct Entry {
  Handler handler = nullptr;
  // The results may share the first argument's memory (a view, or the tensor itself).
  bool view = false;
};
using Entries = std::map<std::string, Entry, std::less<>>;

void add_elementwise(Entries& entries);
void add_binary(Entries& entries);
void add_layers(Entries& entries);
void add_pools(Entries& entries);
void add_recurrent(Entries& entries);
void add_reductions(Entries& entries);
void add_shapes(Entries& entries);
void add_indexing(Entries& entries);
const Entries& entries();  // by the operator's name without a trailing '_'

// A tensor and a tensor or number, converted to the type that libtorch would compute in.
std::pair<ValueId, ValueId> promoted(const Call& call, const char* a, const char* b);
ValueId to_float(Builder& builder, ValueId x);  // integers become f32, as libtorch does

class Interpreter {
 public:
  explicit Interpreter(Graph& graph) : builder(graph) {}
  Builder builder;
  // Names of tensors (by their storage) and paths of modules.
  std::map<const void*, std::string> tensor_names, module_paths;

  std::vector<Variable> run(torch::jit::Block& block, std::vector<Variable> inputs);
  ValueId value_of(const Variable& variable);  // makes a constant of a known tensor
  Variable variable_of(ValueId id);
  // Throws InputError with everything that was met and could not be done.
  void report() const;

 private:
  friend class Call;
  using Names = std::map<const torch::jit::Value*, Variable>;
  void step(torch::jit::Node& node);
  void call_method(torch::jit::Node& node, std::vector<Variable> inputs);
  void call_function(torch::jit::Node& node, std::vector<Variable> inputs);
  void branch(torch::jit::Node& node, const Variable& condition);
  void loop(torch::jit::Node& node, std::vector<Variable> inputs);
  bool list_step(torch::jit::Node& node, std::vector<Variable>& inputs);
  void execute(torch::jit::Node& node, const std::vector<Variable>& inputs);
  void translate(torch::jit::Node& node, std::vector<Variable> inputs);
  // Goes on with types that libtorch computes on zeros, so that one report can name every operator.
  void stand_in(torch::jit::Node& node, const std::vector<Variable>& inputs, const std::string& reason);
  void set(torch::jit::Node& node, std::vector<Variable> outputs);
  const Variable& get(const torch::jit::Value* value) const;
  c10::IValue known(const Variable& variable, bool with_zeros) const;
  std::string place() const;

  Names names_;
  std::vector<std::string> path_{""};
  std::map<const void*, std::pair<int64_t, ValueId>> constants_;
  std::vector<torch::Tensor> alive_;
  std::map<std::string, Unsupported> unsupported_;
  int64_t steps_ = 0;
};

}  // namespace lathe::compile::torchscript
