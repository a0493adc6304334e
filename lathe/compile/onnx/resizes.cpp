#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

struct Plan {
  std::string mode = "nearest", coordinates = "half_pixel", nearest = "round_prefer_floor";
  double cubic = -0.75, outside = 0;
  bool exclude_outside = false;
  std::vector<double> scales;  // of each axis
  List sizes;
  std::vector<double> crop;  // starts, then ends; tf_crop_and_resize
};

double position(const Plan& plan, size_t axis, int64_t i, int64_t in) {
  const auto x = static_cast<double>(i), n = static_cast<double>(in),
             out = static_cast<double>(plan.sizes[axis]);
  const double scale = plan.scales[axis];
  if (plan.coordinates == "asymmetric") return x / scale;
  if (plan.coordinates == "align_corners") return out == 1 ? 0 : x * (n - 1) / (out - 1);
  if (plan.coordinates == "tf_half_pixel_for_nn") return (x + 0.5) / scale;
  if (plan.coordinates == "pytorch_half_pixel") return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
  if (plan.coordinates == "tf_crop_and_resize") {
    const double start = plan.crop[axis], end = plan.crop[plan.sizes.size() + axis];
    return out > 1 ? start * (n - 1) + x * (end - start) * (n - 1) / (out - 1)
                   : 0.5 * (start + end) * (n - 1);
  }
  return (x + 0.5) / scale - 0.5;
}

double rounded(const std::string& nearest, double x) {
  if (nearest == "floor") return std::floor(x);
  if (nearest == "ceil") return std::ceil(x);
  return nearest == "round_prefer_ceil" ? std::floor(x + 0.5) : std::ceil(x - 0.5);
}

// Keys' cubic convolution.
double cubic_weight(double a, double d) {
  d = std::abs(d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

// The matrix that makes one axis; positions outside leave a row of zeros and are counted in `outside`.
torch::Tensor matrix(const Plan& plan, size_t axis, int64_t in, std::vector<bool>& outside) {
  const int64_t out = plan.sizes[axis];
  if (out > (1 << 24) / std::max<int64_t>(in, 1))
    throw InputError("this mode from {} to {} pixels needs too large a matrix", in, out);
  torch::Tensor result = torch::zeros({out, in}, torch::kFloat64);
  auto m = result.accessor<double, 2>();
  const auto inside = [&](int64_t j) { return std::clamp<int64_t>(j, 0, in - 1); };
  outside.assign(static_cast<size_t>(out), false);
  for (int64_t i = 0; i < out; ++i) {
    const double x = position(plan, axis, i, in);
    if (plan.coordinates == "tf_crop_and_resize" && (x < 0 || x > static_cast<double>(in - 1))) {
      outside[static_cast<size_t>(i)] = true;
      continue;
    }
    if (plan.mode == "nearest") {
      m[i][inside(static_cast<int64_t>(rounded(plan.nearest, x)))] = 1;
      continue;
    }
    const auto below = static_cast<int64_t>(std::floor(x));
    const int64_t reach = plan.mode == "cubic" ? 2 : 1;
    double total = 0;
    for (int64_t j = below - reach + 1; j <= below + reach; ++j) {
      const double distance = x - static_cast<double>(j);
      if (plan.exclude_outside && j != inside(j)) continue;
      const double weight =
          plan.mode == "cubic" ? cubic_weight(plan.cubic, distance) : 1 - std::abs(distance);
      m[i][inside(j)] += weight;
      total += weight;
    }
    if (plan.exclude_outside)
      for (int64_t j = 0; j < in; ++j) m[i][j] /= total;
  }
  return result;
}

bool is_plain(const Plan& plan, const Shape& x) {
  const bool known =
      plan.coordinates == "half_pixel" || plan.coordinates == "align_corners" ||
      plan.coordinates == "asymmetric" ||
      (plan.coordinates == "pytorch_half_pixel" &&
       std::all_of(plan.sizes.begin(), plan.sizes.end(), [](int64_t size) { return size > 1; }));
  return known && !plan.exclude_outside && x.size() >= 3 && plan.sizes[0] == x[0] && plan.sizes[1] == x[1] &&
         (plan.mode == "nearest" || plan.mode == "linear");
}

ValueId resized(const Call& call, Plan plan) {
  Builder& b = call.builder();
  ValueId x = call.input(0);
  const Shape from = b.shape(x);
  if (plan.sizes.size() != from.size() || plan.scales.size() != from.size())
    throw InputError("has {} scales or sizes for {}", std::max(plan.sizes.size(), plan.scales.size()),
                     to_string(b.type(x)));
  for (size_t i = 0; i < from.size(); ++i)
    if (plan.sizes[i] < 1 || from[i] < 1 || !(plan.scales[i] > 0) || std::isinf(plan.scales[i]))
      throw InputError("its scales or sizes are not positive");
  if (plan.sizes == from && plan.coordinates != "tf_crop_and_resize") return x;
  if (is_plain(plan, from) && (b.dtype(x) == DType::f32 || b.dtype(x) == DType::f64)) {
    std::map<std::string, Attribute> attributes = {
        {"sizes", List(plan.sizes.begin() + 2, plan.sizes.end())},
        {"mode", plan.mode},
        {"coordinates",
         plan.coordinates == "pytorch_half_pixel" ? std::string("half_pixel") : plan.coordinates},
        {"rounding", plan.nearest}};
    attributes["scales"] = std::vector<double>(plan.scales.begin() + 2, plan.scales.end());
    return b.add("resize", {x}, attributes);
  }
  for (size_t i = 0; i < from.size(); ++i) {
    if (plan.sizes[i] == from[i] && plan.coordinates != "tf_crop_and_resize") continue;
    std::vector<bool> outside;
    const auto axis = static_cast<int64_t>(i);
    const torch::Tensor m = matrix(plan, i, from[i], outside);
    if (torch::equal(m, torch::eye(from[i], torch::kFloat64)) &&
        std::count(outside.begin(), outside.end(), true) == 0)
      continue;
    x = plan.mode == "nearest" ? b.add("gather", {x, b.constant(m.argmax(1))}, {{"axis", axis}})
                               : b.along_axis(x, axis, m);
    if (std::count(outside.begin(), outside.end(), true) == 0) continue;
    Shape shape(from.size(), 1);
    shape[i] = plan.sizes[i];
    torch::Tensor mask = torch::zeros(shape, torch::kBool);
    for (int64_t j = 0; j < plan.sizes[i]; ++j)
      mask.view({-1})[j] = static_cast<bool>(outside[static_cast<size_t>(j)]);
    x = b.add("where", {b.constant(mask), b.scalar(plan.outside, b.dtype(x)), x});
  }
  return x;
}

// A scale of 0.6 is the float 0.6, and ⌊5 · 2.0⌋ is 10.
int64_t scaled(int64_t size, double scale) {
  return static_cast<int64_t>(std::floor(static_cast<double>(size) * scale));
}

std::vector<double> numbers_of(const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.to(torch::kFloat64).reshape({-1}).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

void take_scales(const Call& call, Plan& plan, std::vector<double> scales) {
  const Shape& x = call.builder().shape(call.input(0));
  if (scales.size() != x.size())
    throw InputError("has {} scales for an input of {} axes", scales.size(), x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    if (!(scales[i] > 0) || scales[i] > 1e6) throw InputError("has a scale of {}", scales[i]);
    plan.sizes.push_back(scaled(x[i], scales[i]));
  }
  plan.scales = std::move(scales);
}

Ids resize(const Call& call) {
  Plan plan;
  plan.mode = call.text("mode", "nearest");
  if (plan.mode == "bilinear" || plan.mode == "trilinear") plan.mode = "linear";
  if (plan.mode != "nearest" && plan.mode != "linear" && plan.mode != "cubic")
    throw InputError("its mode is '{}'", plan.mode);
  if (call.node().op_type() == "Upsample" || call.opset() < 11) {
    plan.coordinates = "asymmetric";
    plan.nearest = "floor";
    take_scales(call, plan, call.has("scales") ? call.numbers("scales") : numbers_of(call.constant(1)));
    return {resized(call, plan)};
  }
  plan.coordinates = call.text("coordinate_transformation_mode", "half_pixel");
  plan.nearest = call.text("nearest_mode", "round_prefer_floor");
  plan.cubic = call.number("cubic_coeff_a", -0.75);
  plan.outside = call.number("extrapolation_value", 0);
  plan.exclude_outside = call.integer("exclude_outside", 0) != 0;
  if (plan.coordinates == "tf_crop_and_resize") {
    plan.crop = numbers_of(call.constant(1));
    if (plan.crop.size() != 2 * call.builder().shape(call.input(0)).size())
      throw InputError("its roi has {} numbers", plan.crop.size());
  }
  if (call.has_input(3) && call.constant(3).numel() > 0) {
    plan.sizes = call.constant_integers(3);
    const Shape& x = call.builder().shape(call.input(0));
    if (plan.sizes.size() != x.size())
      throw InputError("has {} sizes for an input of {} axes", plan.sizes.size(), x.size());
    for (size_t i = 0; i < x.size(); ++i)
      plan.scales.push_back(static_cast<double>(plan.sizes[i]) / static_cast<double>(x[i]));
  } else {
    take_scales(call, plan, numbers_of(call.constant(2)));
    // Engines differ in whether the last pixel is where the size or where the scale says.
    for (size_t i = 0; i < plan.sizes.size(); ++i)
      if (plan.coordinates == "align_corners" &&
          static_cast<double>(plan.sizes[i]) !=
              plan.scales[i] * static_cast<double>(call.builder().shape(call.input(0))[i]))
        throw InputError("align_corners with a scale of {} does not give a whole size; export it with sizes",
                         plan.scales[i]);
  }
  return {resized(call, plan)};
}

}  // namespace

void add_resizes(Handlers& handlers) {
  handlers["Resize"] = handlers["Upsample"] = resize;
}

}  // namespace lathe::compile::onnx_import
