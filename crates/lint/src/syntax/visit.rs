//! Walking a tree: every statement and expression once, in the order of the source.

use super::{Block, Expression, ExpressionKind, Function, Item, Statement, StatementKind};

/// Someone who looks at a tree. What is not overridden goes on into the parts.
pub(crate) trait Visit<'t, 'a: 't>: Sized {
    fn statement(&mut self, statement: &'t Statement<'a>) {
        walk_statement(self, statement);
    }

    fn expression(&mut self, expression: &'t Expression<'a>) {
        walk_expression(self, expression);
    }

    fn function(&mut self, function: &'t Function<'a>) {
        walk_block(self, &function.body);
    }
}

pub(crate) fn walk_block<'t, 'a: 't>(visit: &mut impl Visit<'t, 'a>, block: &'t Block<'a>) {
    block.statements.iter().for_each(|statement| visit.statement(statement));
}

fn walk_all<'t, 'a: 't>(visit: &mut impl Visit<'t, 'a>, all: &'t [Expression<'a>]) {
    all.iter().for_each(|expression| visit.expression(expression));
}

pub(crate) fn walk_statement<'t, 'a: 't>(visit: &mut impl Visit<'t, 'a>, statement: &'t Statement<'a>) {
    match &statement.kind {
        StatementKind::Local(_, values) | StatementKind::Return(values) => walk_all(visit, values),
        StatementKind::LocalFunction(_, function) => visit.function(function),
        StatementKind::Function(target, function) => {
            visit.expression(target);
            visit.function(function);
        }
        StatementKind::Assign(targets, values) => {
            walk_all(visit, targets);
            walk_all(visit, values);
        }
        StatementKind::Compound(_, target, value) => {
            visit.expression(target);
            visit.expression(value);
        }
        StatementKind::Call(call) => visit.expression(call),
        StatementKind::Do(block) => walk_block(visit, block),
        StatementKind::While(condition, block) => {
            visit.expression(condition);
            walk_block(visit, block);
        }
        StatementKind::Repeat(block, condition) => {
            walk_block(visit, block);
            visit.expression(condition);
        }
        StatementKind::If(branches, otherwise) => {
            for (condition, block) in branches {
                visit.expression(condition);
                walk_block(visit, block);
            }
            otherwise.iter().for_each(|block| walk_block(visit, block));
        }
        StatementKind::Count(_, values, block) | StatementKind::Each(_, values, block) => {
            walk_all(visit, values);
            walk_block(visit, block);
        }
        StatementKind::Break | StatementKind::Continue | StatementKind::Type => {}
    }
}

pub(crate) fn walk_expression<'t, 'a: 't>(visit: &mut impl Visit<'t, 'a>, expression: &'t Expression<'a>) {
    match &expression.kind {
        ExpressionKind::Nil
        | ExpressionKind::Bool
        | ExpressionKind::Number(_)
        | ExpressionKind::Text(_)
        | ExpressionKind::Rest
        | ExpressionKind::Local(_)
        | ExpressionKind::Global(_) => {}
        ExpressionKind::Interpolated(values) => walk_all(visit, values),
        ExpressionKind::Function(function) => visit.function(function),
        ExpressionKind::Field(inner, _)
        | ExpressionKind::Unary(_, inner)
        | ExpressionKind::Paren(inner)
        | ExpressionKind::Cast(inner, _) => visit.expression(inner),
        ExpressionKind::Index(inner, key) | ExpressionKind::Binary(_, inner, key) => {
            visit.expression(inner);
            visit.expression(key);
        }
        ExpressionKind::Call(inner, arguments) | ExpressionKind::MethodCall(inner, _, arguments) => {
            visit.expression(inner);
            walk_all(visit, arguments);
        }
        ExpressionKind::Table(items) => {
            for item in items {
                if let Item::Keyed(key, _) = item {
                    visit.expression(key);
                }
                visit.expression(item.value());
            }
        }
        ExpressionKind::Choice(branches, otherwise) => {
            for (condition, value) in branches {
                visit.expression(condition);
                visit.expression(value);
            }
            visit.expression(otherwise);
        }
    }
}
