//! Invoices: each step in an invoice's life, as a webhook tells it or as the invoice itself shows. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::words::{amount, capital, first_time};
use super::{Draft, Reader, called, name};
use crate::notification::PodiumKind;
use crate::source::podio::json::{field, int, items, text};

/// Most payments, and refunds of each, that are looked at.
const PAYMENTS: usize = 50;

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct Step<'a> {
    /// The event that tells it.
    pub(crate) kind: PodiumKind,
    /// Its name among the invoice's steps; none where the invoice does not show it.
    pub(crate) name: Option<String>,
    /// When it was taken.
    pub(crate) at: Option<Timestamp>,
    /// The payment, and the refund of it, that it is about.
    pub(crate) payment: Option<&'a Value>,
    pub(crate) refund: Option<&'a Value>,
}

/// Every step that an invoice shows, in no order.
pub(crate) fn steps(invoice: &Value) -> Vec<Step<'_>> {
    use PodiumKind as K;
    let plain = |kind: K, at: Option<Timestamp>| Step {
        kind,
        name: Some(word(kind)),
        at,
        payment: None,
        refund: None,
    };
    let mut steps = vec![plain(K::InvoiceCreated, first_time(invoice, &["createdAt"]))];
    let status = text(field(invoice, "status")).unwrap_or_default();
    let canceled = first_time(invoice, &["canceledAt"]);
    if canceled.is_some() || status == "canceled" {
        steps.push(plain(K::InvoiceDisabled, canceled));
    }
    if status == "marked_as_paid" {
        steps.push(plain(K::InvoiceMarkedAsPaid, first_time(invoice, &["paidAt"])));
    }
    for (place, payment) in items(field(invoice, "payments")).iter().take(PAYMENTS).enumerate() {
        let uid = text(field(payment, "uid")).map_or_else(|| place.to_string(), |uid| name(&uid));
        let made = first_time(payment, &["createdAt"]);
        let step = |kind: K, at: Option<Timestamp>| Step {
            kind,
            name: Some(format!("{}/{uid}", word(kind))),
            at,
            payment: Some(payment),
            refund: None,
        };
        let status = text(field(payment, "status")).unwrap_or_default();
        if matches!(status.as_str(), "" | "pending" | "under_review") {
            steps.push(step(K::InvoicePaymentCreated, made));
        }
        match Some(status.as_str()) {
            Some("failed") => steps.push(step(K::InvoicePaymentFailed, made)),
            Some(
                "paid" | "partial_refund" | "refunded" | "refund_failed" | "refund_pending" | "disputed"
                | "dispute_lost",
            ) => steps.push(step(K::InvoicePaymentSucceeded, first_time(invoice, &["paidAt"]).or(made))),
            _ => {}
        }
        let refunds = items(field(payment, "refunds"));
        if refunds.is_empty() && status.contains("refund") {
            // It says so, and not more.
            let step = |kind: K| Step { name: Some(format!("{}/{uid}/0", word(kind))), ..step(kind, made) };
            steps.push(step(K::InvoiceRefundCreated));
            if status == "refund_failed" {
                steps.push(step(K::InvoiceRefundFailed));
            }
        }
        for (place, refund) in refunds.iter().take(PAYMENTS).enumerate() {
            let made = first_time(refund, &["createdAt"]);
            let step = |kind: K, at: Option<Timestamp>| Step {
                kind,
                name: Some(format!("{}/{uid}/{place}", word(kind))),
                at,
                payment: Some(payment),
                refund: Some(refund),
            };
            steps.push(step(K::InvoiceRefundCreated, made));
            if text(field(refund, "status")).is_some_and(|status| status.contains("failed")) {
                steps.push(step(K::InvoiceRefundFailed, first_time(refund, &["settledAt"]).or(made)));
            }
        }
    }
    steps
}

/// The step that an event tells: the latest of its kind that the invoice shows. What it does not show is told all the same.
pub(super) fn step_of(kind: PodiumKind, invoice: &Value) -> Step<'_> {
    let shown = steps(invoice).into_iter().filter(|step| step.kind == kind);
    // Of two at the same time, the later one in the list.
    shown.max_by_key(|step| step.at).unwrap_or(Step {
        kind,
        name: None,
        at: None,
        payment: None,
        refund: None,
    })
}

pub(super) fn draft(invoice: &Value, step: &Step<'_>, reader: Reader<'_>) -> Draft {
    use PodiumKind as K;
    let uid = text(field(invoice, "uid"));
    let customer = called(field(invoice, "customerName"));
    let who = customer.clone().unwrap_or_else(|| "a customer".to_owned());
    let currency = field(invoice, "currencyRef");
    let sum = amount(field(invoice, "amount"), currency);
    let back =
        step.refund.and_then(|refund| amount(field(refund, "amount"), currency)).or_else(|| sum.clone());
    let with = |sum: &Option<String>| sum.clone().unwrap_or_else(|| "an invoice".to_owned());
    let title = match step.kind {
        K::InvoiceCreated => format!("An invoice for {who} was made"),
        K::InvoiceDisabled => format!("The invoice for {who} was cancelled"),
        K::InvoiceMarkedAsPaid => format!("The invoice for {who} was marked as paid"),
        K::InvoicePaymentCreated => format!("{} is paying {}", capital(&who), with(&sum)),
        K::InvoicePaymentFailed => match &sum {
            Some(sum) => format!("{}'s payment of {sum} failed", capital(&who)),
            None => format!("{}'s payment failed", capital(&who)),
        },
        K::InvoiceRefundCreated => match &back {
            Some(back) => format!("{back} go back to {who}"),
            None => format!("Money goes back to {who}"),
        },
        K::InvoiceRefundFailed => match &back {
            Some(back) => format!("{back} could not be paid back to {who}"),
            None => format!("A refund to {who} failed"),
        },
        _ => format!("{} paid {}", capital(&who), with(&sum)),
    };
    let number = called(field(invoice, "invoiceNumber")).map(|number| format!("Invoice {number}"));
    let total = sum.filter(|sum| !title.contains(sum.as_str()));
    let tip = amount(field(invoice, "tipAmount"), currency)
        .filter(|_| step.kind == K::InvoicePaymentSucceeded && int(field(invoice, "tipAmount")) != Some(0))
        .map(|tip| format!("{tip} of it as a tip"));
    let card = step.payment.and_then(card).filter(|_| step.refund.is_none());
    let parts = [why(invoice, step), total, number, card, tip, line(invoice)];
    let body = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let conversation = text(field(invoice, "conversationUid"));
    let mut context = reader.thing("invoice", uid.as_deref(), conversation.as_deref());
    context.title = called(field(invoice, "invoiceNumber")).map(|number| format!("Invoice {number}"));
    context.place = reader.place(text(field(field(invoice, "location"), "uid")));
    let id = uid.zip(step.name.as_ref()).map(|(uid, step)| format!("invoice/{}/{step}", name(&uid)));
    let paid =
        matches!(step.kind, K::InvoicePaymentCreated | K::InvoicePaymentFailed | K::InvoicePaymentSucceeded);
    Draft { id, title, body, actor: customer.filter(|_| paid), context, at: step.at, ..Draft::default() }
}

/// Why it came to nothing, in the service's words.
fn why(invoice: &Value, step: &Step<'_>) -> Option<String> {
    match step.kind {
        PodiumKind::InvoicePaymentFailed => {
            let payment = step.payment?;
            called(field(payment, "declineCodeMessage")).or_else(|| called(field(payment, "declineCode")))
        }
        PodiumKind::InvoiceDisabled => called(field(invoice, "canceledNote")),
        PodiumKind::InvoiceRefundCreated | PodiumKind::InvoiceRefundFailed => {
            called(field(step.refund?, "reason"))
        }
        _ => None,
    }
}

/// The card or account that paid.
fn card(payment: &Value) -> Option<String> {
    let of = |brand: &str, last: &str| {
        let last = called(field(payment, last))?;
        let brand = called(field(payment, brand)).map(|brand| super::words::site(&brand));
        Some(format!("{} …{last}", brand.unwrap_or_else(|| "Card".to_owned())))
    };
    of("cardBrand", "cardLast4").or_else(|| of("bankAccountName", "bankAccountLast4"))
}

/// What it is for.
fn line(invoice: &Value) -> Option<String> {
    items(field(invoice, "lineItems")).iter().find_map(|line| called(field(line, "description")))
}

/// The event type without its family.
fn word(kind: PodiumKind) -> String {
    kind.name().trim_start_matches("invoice.").to_owned()
}
