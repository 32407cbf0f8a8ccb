"""Speed and memory of Coldgate, as ratios within one run; ``make bench`` prints and keeps them."""
