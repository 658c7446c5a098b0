// Boxes with a label, drawn onto an image.
#pragma once

#include <span>
#include <string>

#include "image/image.h"
#include "image/png.h"

namespace accel::image {

// In pixels of the image; edges may lie beyond it.
struct LabelledBox {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
  int class_id = 0;   // chooses the colour
  std::string label;  // ASCII; another character is drawn as "?"
};

// A colour for a class: neighbours differ clearly, and the same class has always the same.
Colour class_colour(int class_id);

// Draws in the order given: a frame as thick as suits the image, and the label on a ground of the
// frame's colour, above the box or inside where there is no room. What lies beyond the image, and
// a box with an edge that is no number, is not drawn.
void draw_boxes(Image& image, std::span<const LabelledBox> boxes);

}  // namespace accel::image
