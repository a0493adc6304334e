// Matrix products. y [M, N] = x [M, K] · wᵀ: the weights are packed into panels of `width` columns, K rows
// each, that are read once from front to back; `rows` × `width` results stay in registers.
#include <fmt/format.h>
#include <algorithm>

#include "lathe/compile/codegen/dense.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

struct Tile {
  int rows, vectors;  // vectors of columns
};

// Rows in equal parts, so that few are computed twice; one row alone is bound by memory and wants long
// panels.
std::vector<Tile> tiles(int64_t rows, int registers, size_t most) {
  std::vector<Tile> all;
  if (rows == 1) {
    all = {{1, 4}, {1, 8}, {1, 2}};
  } else {
    for (int vectors : {2, 4, 3, 1}) {
      int tall = std::min<int>(most_accumulators(registers, vectors) / vectors, static_cast<int>(rows));
      const int64_t parts = (rows + tall - 1) / tall;
      tall = static_cast<int>((rows + parts - 1) / parts);
      all.push_back({tall, vectors});
    }
  }
  if (all.size() > most) all.resize(most);
  return all;
}

// [N, K] as [⌈N/width⌉, K, width], zeros behind.
torch::Tensor pack(const torch::Tensor& weight, int64_t width) {
  const int64_t n = weight.size(0), k = weight.size(1), panels = (n + width - 1) / width;
  torch::Tensor padded = torch::zeros({panels * width, k}, weight.scalar_type());
  padded.slice(0, 0, n).copy_(weight);
  return padded.view({panels, width, k}).transpose(1, 2).contiguous();
}

Panels float_panels(Builder& builder, const Node& node, const Access& x, int width) {
  const torch::Tensor weight = weight_of(builder.graph(), node);
  const int64_t columns = weight.size(0), depth = weight.size(1);
  const Access w = builder.parameter(pack(weight, width));
  torch::Tensor bias = torch::zeros({(columns + width - 1) / width, width});
  if (node.inputs.size() > 2)
    bias.view({-1}).slice(0, 0, columns).copy_(builder.graph().value(node.inputs[2]).constant.flatten());
  const Access b = builder.parameter(bias);
  Var i("i"), m("m"), p("p");
  const RDom k(0, static_cast<int>(depth));
  Func acc("acc");
  acc(i, m, p) = b({p, i});
  acc(i, m, p) += x({m, k}) * w({p, k, i});
  acc.bound_extent(i, width).bound_extent(p, 1);
  acc.vectorize(i, builder.lanes()).unroll(i).unroll(m);
  acc.update().reorder(i, m, k).vectorize(i, builder.lanes()).unroll(i).unroll(m);
  if (depth % 4 == 0) acc.update().unroll(k, 4);
  return {acc, [acc](const Expr& column, const Expr& row, const Expr& panel) {
            return Expr(acc(column, row, panel));
          }};
}

Implementation dense(const Job& job, const Tile& tile) {
  const Node& node = job.node();
  const Graph& graph = job.graph;
  const int64_t depth = graph.type(node.inputs[0]).shape.back(),
                columns = graph.type(node.inputs[1]).shape[0],
                rows = graph.type(node.inputs[0]).numel() / depth;
  Implementation result;
  const bool integers = node.op == "linear_integer";
  result.name = fmt::format("{}panels {}x{}", integers ? "integer " : "", tile.rows, tile.vectors);
  Builder builder(graph, job.target, job.cache, result);
  Scope scope(builder);
  const int lanes = builder.lanes();
  int width = lanes * tile.vectors;
  while (width > lanes && width - lanes >= columns) width -= lanes;  // no wider than the matrix

  // Leading axes are one: rows lie behind one another.
  const auto matrix = [&](ValueId id, int64_t last) {
    return codegen::dense(Argument::Place::value, id, graph.type(id).dtype,
                          {graph.type(id).numel() / last, last});
  };
  const Access x = builder.view(matrix(node.inputs[0], depth));
  const Panels sums = integers ? integer_panels(builder, node, x, weight_of(graph, node), width)
                               : float_panels(builder, node, x, width);
  Func acc = sums.acc, out("out");
  Var i("i"), m("m"), p("p"), j("j");

  // Element-wise consumers see [M, N]: broadcasts of their operands are rebuilt from the row's number.
  const Shape shape = graph.type(node.outputs[0]).shape;
  Coordinates at(shape.size());
  Expr row = m;
  for (size_t axis = shape.size() - 1; axis-- > 0;) {
    at[axis] = axis == 0 ? row : row % static_cast<int>(shape[axis]);
    row = row / static_cast<int>(shape[axis]);
  }
  // Whole panels have loops of their own; else columns are counted through, and the last panel is cut short.
  const bool even = columns % width == 0;
  const Expr column = even ? p * width + i : Expr(j);
  at.back() = column;
  const Expr product = even ? sums.at(i, m, p) : sums.at(j % width, m, j / width);
  scope.define(node.outputs[0], [product](const Coordinates&) { return product; });
  // Operands of the whole output's shape are matrices too, which spares the divisions.
  for (size_t n = job.anchor + 1; n < job.group.nodes.size(); ++n)
    for (ValueId id : graph.nodes[static_cast<size_t>(job.group.nodes[n])].inputs)
      if (!scope.defined(id) && graph.type(id).shape == shape && !graph.value(id).is_constant()) {
        const bool made_here = std::any_of(job.group.nodes.begin(), job.group.nodes.end(), [&](int other) {
          return graph.nodes[static_cast<size_t>(other)].outputs[0] == id;
        });
        if (made_here) continue;
        const Access whole = builder.view(matrix(id, columns));
        scope.define(id, [whole, m, column](const Coordinates&) { return whole({m, column}); });
      }
  const ValueId last = lower_rest(scope, job.group);
  Argument output = matrix(last, columns);
  Var jo("jo"), ji("ji"), mo("mo"), mi("mi");
  if (even) {
    output.dims = {{0, width, 1},
                   {0, static_cast<int>(columns / width), width},
                   {0, static_cast<int>(rows), static_cast<int>(columns)}};
    out(i, p, m) = scope.at(last)(at);
  } else {
    out(j, m) = scope.at(last)(at);
    out.split(j, jo, ji, width, Halide::TailStrategy::GuardWithIf);
  }
  const Var lane = even ? i : ji, panel = even ? p : jo;
  out.split(m, mo, mi, tile.rows,
            rows % tile.rows == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
  out.reorder(lane, mi, mo, panel).unroll(mi);
  if (even || columns >= lanes) out.vectorize(lane, lanes).unroll(lane);  // else accumulators live in memory
  acc.store_in(kOnStack).compute_at(out, mo);

  Builder::Output options;
  options.flops = 2.0 * static_cast<double>(rows * columns * depth);
  const int row_dim = even ? 2 : 1;
  options.split_dim = columns > width ? row_dim - 1 : rows > tile.rows ? row_dim : -1;
  options.granule = options.split_dim == row_dim ? tile.rows : even ? 1 : width;
  builder.finish(result.name + "\n" + signature(graph, job.group), {out}, {output}, options);
  return result;
}

}  // namespace

std::vector<Implementation> dense_layer(const Job& job) {
  const Node& node = job.node();
  if (!job.graph.value(node.inputs[1]).is_constant()) throw Error("linear wants constant weights here");
  const int64_t depth = job.graph.type(node.inputs[0]).shape.back();
  std::vector<Implementation> all;
  for (const Tile& tile :
       tiles(job.graph.type(node.inputs[0]).numel() / depth, job.target.vector_registers(), job.variants))
    all.push_back(dense(job, tile));
  return all;
}

// a […, M, K] · b […, K, N]; lanes run along N, in b's own memory.
std::vector<Implementation> matrix_product(const Job& job) {
  const Node& node = job.node();
  const Graph& graph = job.graph;
  Implementation result;
  result.name = "product";
  Builder builder(graph, job.target, job.cache, result);
  Scope scope(builder);
  const Shape &a_shape = graph.type(node.inputs[0]).shape, &b_shape = graph.type(node.inputs[1]).shape,
              &shape = graph.type(node.outputs[0]).shape;
  const Access a = scope.at(node.inputs[0]), b = scope.at(node.inputs[1]);
  const int depth = static_cast<int>(a_shape.back());
  const Loops loop = loops(shape.size());
  const RDom k(0, depth);
  const auto batch_of = [](const Shape& own, const Coordinates& at) {
    Coordinates batch;
    const size_t rank = own.size() - 2;
    for (size_t i = 0; i < rank; ++i) batch.push_back(own[i] == 1 ? Expr(0) : at[at.size() - 2 - rank + i]);
    return batch;
  };
  Coordinates a_at = batch_of(a_shape, loop.at), b_at = batch_of(b_shape, loop.at);
  a_at.insert(a_at.end(), {loop.at[shape.size() - 2], k});
  b_at.insert(b_at.end(), {k, loop.at.back()});
  Func acc("acc"), out("out");
  acc(loop.vars) = Halide::Internal::make_zero(halide_type(graph.type(node.outputs[0]).dtype));
  acc(loop.vars) += a(a_at) * b(b_at);
  scope.define(node.outputs[0],
               [acc](const Coordinates& at) { return acc(std::vector<Expr>(at.rbegin(), at.rend())); });
  const ValueId last = lower_rest(scope, job.group);
  out(loop.vars) = scope.at(last)(loop.at);

  const int lanes = builder.lanes();
  const int columns = static_cast<int>(shape.back()), rows = static_cast<int>(shape[shape.size() - 2]);
  const int vectors = columns >= 2 * lanes ? 2 : 1;
  int tall = std::min(rows, most_accumulators(job.target.vector_registers(), vectors) / vectors);
  tall = (rows + (rows + tall - 1) / tall - 1) / ((rows + tall - 1) / tall);
  Var jo("jo"), ji("ji"), mo("mo"), mi("mi");
  const Var &j = loop.vars[0], &m = loop.vars[1];
  out.split(m, mo, mi, tall,
            rows % tall == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
  std::vector<Halide::VarOrRVar> order;
  const bool wide = columns >= lanes;
  if (wide) {
    const int width = lanes * vectors;
    out.split(j, jo, ji, width,
              columns % width == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
    order = {ji, mi, mo, jo};
  } else {
    order = {j, mi, mo};
  }
  for (size_t d = 2; d < loop.vars.size(); ++d) order.emplace_back(loop.vars[d]);
  out.reorder(order).unroll(mi);
  acc.store_in(kOnStack).compute_at(out, mo).unroll(m);
  acc.update().reorder(j, m, k).unroll(m);
  if (wide) {
    out.vectorize(ji, lanes).unroll(ji);
    acc.vectorize(j, lanes).unroll(j).update().vectorize(j, lanes).unroll(j);
  }
  Builder::Output options;
  const Argument output = interior(graph, last);
  options.split_dim = outer_dim(output);
  if (options.split_dim == 1) options.granule = tall;
  if (options.split_dim < 0 && wide && columns > lanes * vectors)
    options.split_dim = 0, options.granule = lanes * vectors;
  options.flops = numel_of(output) * (2.0 * depth + flops_per_element(graph, job.group));
  builder.finish("product\n" + signature(graph, job.group), {out}, {output}, options);
  return {result};
}

}  // namespace lathe::compile::codegen
