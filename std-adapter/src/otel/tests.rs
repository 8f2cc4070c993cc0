mod exporting;
mod mapping;
mod processing;
mod propagating;
