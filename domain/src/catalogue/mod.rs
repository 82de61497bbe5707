pub mod transition;
