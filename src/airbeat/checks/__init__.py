"""The independent checker: any plan against fence, height and autopilot limits; never imports planning."""
