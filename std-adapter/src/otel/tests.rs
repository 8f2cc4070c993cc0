mod mapping;
mod processing;
mod propagating;
